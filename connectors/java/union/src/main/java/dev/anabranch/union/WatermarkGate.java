package dev.anabranch.union;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceOutput;
import org.jspecify.annotations.Nullable;

/**
 * Keeps open the outputs that a reader's watermark has to wait for, and no others. All on the task
 * thread; what is decided, {@link SplitWatch} and the enumerator decide.
 */
final class WatermarkGate<T> {
  /** An output without a split, which never has a watermark; split ids have slashes. */
  private static final String HOLD = "hold";

  private final WatermarkMode mode;
  private final SplitBoard board;
  private final Consumer<SourceEvent> coordinator;
  private final SplitOutputs<T> outputs = new SplitOutputs<>();
  private final SplitWatch watch;
  private final Set<String> added = new HashSet<>();
  private @Nullable HoldEvent held;
  private @Nullable ContactReport reported;

  WatermarkGate(
      WatermarkMode mode,
      SplitBoard board,
      LastAnswers answers,
      Consumer<SourceEvent> coordinator) {
    this.mode = mode;
    this.board = board;
    this.coordinator = coordinator;
    this.watch = new SplitWatch(mode, answers);
  }

  void added(List<UnionSplit> splits) {
    List<String> splitIds = splits.stream().map(UnionSplit::splitId).toList();
    added.addAll(splitIds);
    outputs.added(splitIds);
  }

  void follow(HoldEvent event) {
    held = event;
  }

  void heard(HandedOver.EndsSeen seen) {
    seen.ends().stream()
        .filter(end -> board.isCurrent(end.splitId(), end.attempt()))
        .forEach(end -> watch.heard(end.splitId(), end.offset(), seen.askedNanos()));
  }

  /** The output for records of that split. */
  SourceOutput<T> open(String splitId, ReaderOutput<T> output) {
    watch.moved(splitId);
    return outputs.open(splitId, output);
  }

  /** A watermark waits for the outputs that exist: for splits that may still bring records. */
  void keep(String splitId, ReaderOutput<T> output) {
    if (board.isExpected(splitId) && watch.mustWait(splitId)) {
      outputs.open(splitId, output);
    } else if (!board.isPauseAsked(splitId)) {
      // Flink could not resume a paused split whose output is new. One that is paused is ahead of
      // all others anyway.
      outputs.release(splitId, output);
    }
  }

  /**
   * Opens the outputs that may not be passed over any longer, by what is known beside the queue. To
   * hold cannot wait for the records that are in it; to let go has to, and is left to {@link
   * #check}.
   *
   * @param nowNanos the present
   */
  void recall(ReaderOutput<T> output, long nowNanos) {
    if (mode.isManaged()) {
      List<String> recalled = watch.recall(board.expected(), waitFor(), nowNanos);
      recalled.forEach(splitId -> outputs.open(splitId, output));
      if (!recalled.isEmpty() && board.knowsTopology()) {
        outputs.announce(output);
      }
    }
  }

  /**
   * Looks at all outputs.
   *
   * @param queuedNanos when it was asked for. A task that is slow gets to answers late, and must
   *     not take whoever gave them for silent
   * @param nowNanos the present
   */
  void check(ReaderOutput<T> output, long queuedNanos, long nowNanos) {
    if (mode.isManaged()) {
      watch.look(board.expected(), waitFor(), isHeld(), queuedNanos, nowNanos);
    }
    // First, so that no other output is the last one for a moment.
    if (isHeld()) {
      outputs.open(HOLD, output);
    }
    added.forEach(splitId -> keep(splitId, output));
    if (!isHeld()) {
      outputs.release(HOLD, output);
    }
    board.overrideAlignment(isHeld());
    if (mode.isManaged() && board.knowsTopology()) {
      outputs.announce(output);
    }
    if (mode.holds()) {
      report();
    }
  }

  private Set<String> waitFor() {
    HoldEvent last = held;
    return last == null ? Set.of() : last.waitFor();
  }

  /** Before the enumerator has spoken, any primary may be one to wait for. */
  private boolean isHeld() {
    HoldEvent last = held;
    return mode.isManaged() && (last == null || !last.held().isEmpty());
  }

  private void report() {
    ContactReport now = new ContactReport(added, watch.primaries());
    if (!now.equals(reported)) {
      reported = now;
      coordinator.accept(now);
    }
  }
}
