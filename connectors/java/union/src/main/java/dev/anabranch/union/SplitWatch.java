package dev.anabranch.union;

import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Decides for which of a reader's splits its watermark has to wait. A split that is silent may only
 * be passed over while its primary keeps saying that there is nothing to read: silence alone could
 * as well be an outage. No threads, clients or clock: a test drives it by hand.
 */
final class SplitWatch {
  /**
   * For how long an answer holds. Primaries are asked every second; three of these leave room for a
   * slow answer, and still end before the 5 s by which SQL's watermarks stay behind.
   */
  static final Duration LEASE = Duration.ofSeconds(3);

  /**
   * For how long the split that is ahead is kept once nobody is waited for. Flink combines what
   * outputs say every 200 ms, unless it is told otherwise.
   */
  static final Duration LAST_WORD = Duration.ofSeconds(1);

  /**
   * For how many idle timeouts the split that is ahead is kept while others are waited for, where
   * event time may be another than that of the records: then it may be ahead in name only, and hold
   * those.
   */
  static final int TIMEOUTS_AHEAD = 3;

  private static final long UNKNOWN = -1;

  private final WatermarkMode mode;
  private final LastAnswers answers;
  private final Map<String, Seen> seen = new HashMap<>();
  private final Map<String, Contact> primaries = new TreeMap<>();
  private final Set<String> passedOver = new HashSet<>();
  private boolean anyWaitedFor = true;
  private long nobodySinceNanos;

  /** What is known of one split. */
  private static final class Seen {
    private final long sinceNanos;
    private String primary;
    private long nextOffset;
    private long movedNanos;
    private long heardNanos;
    private boolean everHeard;
    private long end = UNKNOWN;
    private long endAskedNanos;
    private long highestMs = UNKNOWN;
    private long keptNanos;
    private long target = UNKNOWN;
    private Contact contact = Contact.UNHEARD;

    Seen(String primary, long nextOffset, long nowNanos) {
      this.primary = primary;
      this.nextOffset = nextOffset;
      sinceNanos = nowNanos;
      movedNanos = nowNanos;
      heardNanos = nowNanos;
      keptNanos = nowNanos;
    }

    private void look(SplitState split, String route, long nowNanos) {
      if (split.nextOffset() != nextOffset) {
        nextOffset = split.nextOffset();
        movedNanos = nowNanos;
      }
      primary = route;
      highestMs = split.highestMs();
      if (nowNanos - heardNanos > LEASE.toNanos()) {
        contact = Contact.LOST;
        target = UNKNOWN;
      } else if (!everHeard) {
        contact = Contact.UNHEARD;
      } else if (contact != Contact.CURRENT && target != UNKNOWN) {
        contact = nextOffset >= target ? Contact.CURRENT : Contact.BEHIND;
      }
    }

    /** An earlier answer says nothing of what was written in the rest of that time. */
    private boolean hadNothingFor(Duration time) {
      return end != UNKNOWN && nextOffset >= end && endAskedNanos - movedNanos >= time.toNanos();
    }

    private boolean hasNotMovedFor(Duration time, long nowNanos) {
      return nowNanos - movedNanos >= time.toNanos();
    }
  }

  /**
   * @param answers what was answered last, which may not have been {@link #heard} yet
   */
  SplitWatch(WatermarkMode mode, LastAnswers answers) {
    this.mode = mode;
    this.answers = answers;
  }

  /**
   * A primary said where a log ends.
   *
   * @param askedNanos when it was asked: what was written later is not in that answer
   */
  void heard(String splitId, long end, long askedNanos) {
    Seen split = seen.get(splitId);
    if (split == null || askedNanos < split.sinceNanos) {
      return;
    }
    split.everHeard = true;
    split.heardNanos = Math.max(split.heardNanos, askedNanos);
    split.end = end;
    split.endAskedNanos = askedNanos;
    if (split.target == UNKNOWN) {
      split.target = end;
    }
  }

  /** A split has records again, so that the watermark has to wait for them. */
  void moved(String splitId) {
    passedOver.remove(splitId);
  }

  /**
   * Looks at the splits that may still bring records.
   *
   * @param waitFor primaries for which the watermark waits while they do not answer
   * @param held whether it waits for a primary at all, of which this reader may have no split
   * @param nowNanos of the last of what was heard; a task may be far behind it
   * @param presentNanos of the last answers
   */
  void look(
      Collection<SplitState> splits,
      Set<String> waitFor,
      boolean held,
      long nowNanos,
      long presentNanos) {
    primaries.clear();
    Set<String> present = new HashSet<>();
    Set<String> silent = new HashSet<>();
    for (SplitState split : splits) {
      String route = split.route();
      if (route == null) {
        continue;
      }
      present.add(split.splitId());
      Seen known =
          seen.computeIfAbsent(
              split.splitId(), any -> new Seen(route, split.nextOffset(), nowNanos));
      known.look(split, route, nowNanos);
      primaries.merge(route, known.contact, Contact::worse);
      if (mayPassOver(known, waitFor, nowNanos) && !mustRecall(split, waitFor, presentNanos)) {
        silent.add(split.splitId());
      }
    }
    seen.keySet().retainAll(present);
    answers.retain(present);
    boolean anyBefore = anyWaitedFor;
    anyWaitedFor = held || silent.size() < present.size();
    if (anyBefore && !anyWaitedFor) {
      nobodySinceNanos = nowNanos;
    }
    if (anyWaitedFor || nowNanos - nobodySinceNanos < LAST_WORD.toNanos()) {
      keepAhead(silent, held, nowNanos);
    }
    passedOver.clear();
    passedOver.addAll(silent);
  }

  /**
   * Flink forgets how far an output was when it is given up. The one that is ahead holds nobody, so
   * it is kept until nobody is waited for any more: then the watermark comes to where that one is,
   * in whatever order they fell silent. One that was given up stays so: a new output would hold.
   */
  private void keepAhead(Set<String> silent, boolean held, long nowNanos) {
    seen.entrySet().stream()
        .filter(each -> each.getValue().highestMs != UNKNOWN)
        .filter(each -> !passedOver.contains(each.getKey()))
        .max(Comparator.comparingLong(each -> each.getValue().highestMs))
        .ifPresent(
            ahead -> {
              Seen split = ahead.getValue();
              if (held || !silent.contains(ahead.getKey())) {
                split.keptNanos = nowNanos;
              }
              Duration limit = mode.idleTimeout().multipliedBy(TIMEOUTS_AHEAD).plus(LAST_WORD);
              if (mode.ofRecords() || nowNanos - split.keptNanos < limit.toNanos()) {
                silent.remove(ahead.getKey());
              }
            });
  }

  /**
   * Takes back what was passed over where that does not hold any longer.
   *
   * @return the splits to wait for again
   */
  List<String> recall(Collection<SplitState> splits, Set<String> waitFor, long presentNanos) {
    List<String> recalled =
        splits.stream()
            .filter(split -> passedOver.contains(split.splitId()))
            .filter(split -> mustRecall(split, waitFor, presentNanos))
            .map(SplitState::splitId)
            .toList();
    recalled.forEach(passedOver::remove);
    anyWaitedFor |= !recalled.isEmpty();
    return recalled;
  }

  /** Whether its primary has something to read, or one to be waited for says nothing any more. */
  private boolean mustRecall(SplitState split, Set<String> waitFor, long presentNanos) {
    LastAnswers.Answer last = answers.of(split.splitId());
    if (last != null && last.holds(LEASE, presentNanos)) {
      return last.end() > split.nextOffset();
    }
    return mode.holds() && split.route() != null && waitFor.contains(split.route());
  }

  /** Whether the watermark has to wait for that split. */
  boolean mustWait(String splitId) {
    return !passedOver.contains(splitId);
  }

  /** How this reader stands with each primary that it has splits on: as with the worst of them. */
  Map<String, Contact> primaries() {
    return Map.copyOf(primaries);
  }

  private boolean mayPassOver(Seen split, Set<String> waitFor, long nowNanos) {
    boolean lost = split.contact == Contact.LOST;
    if (mode.holds() && lost) {
      return !waitFor.contains(split.primary);
    }
    Duration timeout = mode.idleTimeout();
    if (timeout.isZero()) {
      return false;
    }
    return lost ? split.hasNotMovedFor(timeout, nowNanos) : split.hadNothingFor(timeout);
  }
}
