package dev.anabranch.dedup;

import dev.anabranch.records.RawRecord;
import java.util.List;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.Triggerable;
import org.apache.flink.streaming.api.operators.sorted.state.BatchExecutionKeyedStateBackend;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * A keyed operator that forgets by its own clock. Its timers are event-time timers in create time,
 * but it is the {@link HorizonClock} that drives them; watermarks pass through untouched.
 */
abstract class HorizonOperator extends AbstractStreamOperator<RawRecord>
    implements OneInputStreamOperator<RawRecord, RawRecord>, Triggerable<StateKey, VoidNamespace> {
  private static final long serialVersionUID = 1L;

  /**
   * Timers that may fire before the next record. More than the one a record can add, so that they
   * never pile up; few, so that a jump in time does not stop the stream.
   */
  private static final int TIMERS_PER_RECORD = 4;

  private final long horizonMs;

  private transient HorizonClock clock;
  private transient ListState<Long> newestState;
  private transient ListState<Long> lineState;
  private transient InternalTimerService<VoidNamespace> timers;
  private transient boolean timersMayBeDue;
  private transient int timersLeft;

  HorizonOperator(long horizonMs) {
    this.horizonMs = horizonMs;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    clock = new HorizonClock(horizonMs, getProcessingTimeService()::getCurrentProcessingTime);
    newestState = unionState(context, "newest");
    lineState = unionState(context, "line");
    if (context.isRestored()) {
      clock.restore(greatest(newestState), greatest(lineState));
      timersMayBeDue = true;
    }
    // In batch mode a key's state goes with the key, and there is nothing to expire.
    if (!(getKeyedStateBackend() instanceof BatchExecutionKeyedStateBackend)) {
      timers = getInternalTimerService("expiry", VoidNamespaceSerializer.INSTANCE, this);
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    newestState.update(List.of(clock.newestMs()));
    lineState.update(List.of(clock.lineMs()));
  }

  /** The clock of this subtask. */
  HorizonClock clock() {
    return clock;
  }

  /** Lets the clock see a record, and some of what is past the horizon expire. */
  void advanceTo(long timestampMs) throws Exception {
    timersMayBeDue |= clock.observe(timestampMs);
    if (timersMayBeDue && timers != null) {
      timersLeft = TIMERS_PER_RECORD;
      Watermark line = new Watermark(clock.lineMs());
      timersMayBeDue = !timeServiceManager.tryAdvanceWatermark(line, () -> --timersLeft <= 0);
    }
  }

  /** Has {@link #onEventTime} called for the current key when that minute is past the horizon. */
  void expireAfter(long minute) {
    if (timers != null) {
      timers.registerEventTimeTimer(VoidNamespace.INSTANCE, Minutes.end(minute));
    }
  }

  /** Whether all of that minute is past the horizon. */
  boolean isPast(long minute) {
    return Minutes.end(minute) <= clock.lineMs();
  }

  /** Does nothing: subclasses set the key themselves, and only when they go to the state. */
  @Override
  public void setKeyContextElement(StreamRecord<RawRecord> record) {}

  /** Does not touch the timers, which go by create time. */
  @Override
  public void processWatermark(Watermark mark) {
    output.emitWatermark(mark);
  }

  @Override
  public void onProcessingTime(InternalTimer<StateKey, VoidNamespace> timer) {
    throw new IllegalStateException("no timer here goes by processing time");
  }

  /**
   * Every subtask gets the values of all: key groups move between subtasks, and what lies behind
   * the latest line may be forgotten, whoever forgot it.
   */
  private static ListState<Long> unionState(StateInitializationContext context, String name)
      throws Exception {
    return context
        .getOperatorStateStore()
        .getUnionListState(new ListStateDescriptor<>(name, LongSerializer.INSTANCE));
  }

  private static long greatest(ListState<Long> state) throws Exception {
    long greatest = Long.MIN_VALUE;
    for (long value : state.get()) {
      greatest = Math.max(greatest, value);
    }
    return greatest;
  }
}
