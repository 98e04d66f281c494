package dev.anabranch.union;

import java.util.List;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * The watermark by which an operator tells what is late, kept over a restore. Flink forgets an
 * operator's watermark, but SQL's windows keep theirs, and drop what is behind it: who begins anew
 * would let pass what they drop.
 *
 * <p>After a restore it begins at the lowest of all former subtasks. Windows behind the operator
 * begin no later: what they had heard of came from it.
 */
public final class KeptWatermark {
  private final ListState<Long> state;
  private long timestampMs = Long.MIN_VALUE;

  private KeptWatermark(ListState<Long> state) {
    this.state = state;
  }

  /** To be called when the operator's state is initialized. */
  public static KeptWatermark restore(StateInitializationContext context) throws Exception {
    ListState<Long> state = stateOf(context);
    KeptWatermark kept = new KeptWatermark(state);
    if (context.isRestored()) {
      long lowest = Long.MAX_VALUE;
      boolean any = false;
      for (long each : state.get()) {
        lowest = Math.min(lowest, each);
        any = true;
      }
      kept.timestampMs = any ? lowest : Long.MIN_VALUE;
    }
    return kept;
  }

  /**
   * To be called instead by an operator that tells of nothing late any more: state that nobody asks
   * for is written again whole by each subtask, and grows from restart to restart.
   */
  public static void forget(StateInitializationContext context) throws Exception {
    if (context.isRestored()) {
      stateOf(context).clear();
    }
  }

  private static ListState<Long> stateOf(StateInitializationContext context) throws Exception {
    // Of all subtasks, since the parallelism may be another one now.
    return context
        .getOperatorStateStore()
        .getUnionListState(new ListStateDescriptor<>("watermark", LongSerializer.INSTANCE));
  }

  /**
   * To be called for each watermark; the first ones after a restore may be behind. The end of the
   * input is none to keep: for a job that goes on from there everything would be late.
   */
  public void follow(Watermark mark) {
    if (mark.getTimestamp() != Watermark.MAX_WATERMARK.getTimestamp()) {
      timestampMs = Math.max(timestampMs, mark.getTimestamp());
    }
  }

  /** Whether windows may have been counted without that record; never where it has no time. */
  public boolean hasPassed(StreamRecord<?> record) {
    return record.hasTimestamp() && record.getTimestamp() <= timestampMs;
  }

  /** Unix milliseconds; {@link Long#MIN_VALUE} before the first one. */
  public long timestampMs() {
    return timestampMs;
  }

  /** To be called when the operator's state is taken. */
  public void snapshot() throws Exception {
    state.update(List.of(timestampMs));
  }
}
