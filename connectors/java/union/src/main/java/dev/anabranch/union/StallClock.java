package dev.anabranch.union;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Measures for how long logs have kept a bounded read from its end: the time in which a split's
 * offset has not moved. Looked at only while the reader is at rest, with nothing in its queue, so
 * that no split is blamed for what waits for the task. No threads, clients or clock: a test drives
 * it by hand.
 */
final class StallClock {
  /**
   * How much of the time between two looks counts against a log that could be read. Looks are a
   * second apart while the task has nothing to do. In a longer step it was busy, or held up by
   * operators behind it or by watermark alignment: then fetchers were, too.
   */
  static final Duration MAX_STEP = Duration.ofSeconds(2);

  private final Duration deadline;
  private final Map<String, Progress> seen = new HashMap<>();
  private long lookedNanos;

  /** What is known of one split. */
  private static final class Progress {
    private long offset;
    private long stillNanos;
    private boolean blocked;

    Progress(long offset) {
      this.offset = offset;
    }

    /** Whether it has moved since the last look. */
    private boolean moveTo(long next) {
      boolean moved = next != offset;
      offset = next;
      if (moved) {
        stillNanos = 0;
        blocked = false;
      }
      return moved;
    }
  }

  StallClock(Duration deadline) {
    this.deadline = deadline;
  }

  /**
   * Looks at all splits of a reader that is at rest.
   *
   * @param down primaries that do not answer
   * @return the splits that have kept the read from its end for too long
   */
  List<SplitState> overdue(Collection<SplitState> splits, Set<String> down, long nowNanos) {
    long stepNanos = seen.isEmpty() ? 0 : nowNanos - lookedNanos;
    lookedNanos = nowNanos;
    Set<String> bringing = bringing(splits);
    for (SplitState split : splits) {
      count(split, isBlocked(split, down), bringing.contains(split.primary()), stepNanos);
    }
    return splits.stream()
        .filter(split -> !split.isDone())
        .filter(split -> seen.get(split.splitId()).stillNanos > deadline.toNanos())
        .toList();
  }

  /** Primaries of which something was read since the last look. */
  private Set<String> bringing(Collection<SplitState> splits) {
    Set<String> primaries = new HashSet<>();
    for (SplitState split : splits) {
      Progress known =
          seen.computeIfAbsent(split.splitId(), any -> new Progress(split.nextOffset()));
      if (known.moveTo(split.nextOffset())) {
        primaries.add(split.primary());
      }
    }
    return primaries;
  }

  private void count(SplitState split, boolean blocked, boolean bringing, long stepNanos) {
    Progress known = seen.get(split.splitId());
    if (blocked) {
      // If it was so at the last look, too: then the task was not what held it up meanwhile.
      known.stillNanos += known.blocked ? stepNanos : 0;
    } else if (bringing || split.isPaused()) {
      // A consumer brings one log after the other: it may be that the others' records came first.
      known.stillNanos = 0;
    } else {
      known.stillNanos += Math.min(stepNanos, MAX_STEP.toNanos());
    }
    known.blocked = blocked;
  }

  private static boolean isBlocked(SplitState split, Set<String> down) {
    return !split.parked().isEmpty() || down.contains(split.primary());
  }
}
