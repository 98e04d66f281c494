package dev.anabranch.dedup;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordVersion;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.jspecify.annotations.Nullable;

/** Lets a record pass if it is newer than all of its key before; see {@link LatestByVersion}. */
final class LatestByVersionOperator extends HorizonOperator {
  private static final long serialVersionUID = 1L;

  /** A hybrid logical clock has 16 bits of counter below its milliseconds. */
  private static final int CLOCK_COUNTER_BITS = 16;

  private transient LatestByVersion.HashOfKey keySelector;
  private transient ValueState<byte[]> latest;
  private transient Counter superseded;
  private transient Counter unkeyed;

  LatestByVersionOperator(long horizonMs) {
    super(horizonMs);
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    keySelector = new LatestByVersion.HashOfKey();
    latest =
        context
            .getKeyedStateStore()
            .getState(new ValueStateDescriptor<>("latest", new CompactBytesSerializer()));
  }

  @Override
  public void open() throws Exception {
    super.open();
    superseded = getMetricGroup().counter("superseded");
    unkeyed = getMetricGroup().counter("unkeyed");
  }

  @Override
  public void processElement(StreamRecord<RawRecord> element) throws Exception {
    RawRecord record = element.getValue();
    long timestampMs = clock().timeOf(record);
    advanceTo(timestampMs);
    if (record.key() == null) {
      unkeyed.inc();
      output.collect(element);
      return;
    }
    setCurrentKey(keySelector.getKey(record));
    if (accept(record, timestampMs)) {
      output.collect(element);
    } else {
      superseded.inc();
    }
  }

  private boolean accept(RawRecord record, long timestampMs) throws Exception {
    RecordVersion given = record.version();
    RecordVersion version =
        given != null ? given : new RecordVersion(0, timestampMs << CLOCK_COUNTER_BITS);
    byte[] bytes = latest.value();
    if (bytes != null) {
      int order = version.compareTo(LatestVersion.fromBytes(bytes).version());
      if (order < 0 || (order == 0 && given != null)) {
        return false;
      }
    }
    latest.update(new LatestVersion(version, deletedMinute(record, timestampMs)).toBytes());
    return true;
  }

  /**
   * A delete is remembered until the records' time is one horizon past the moment it was read. Its
   * own time will not do: when a topic is read from its start, a delete of last year may come just
   * before this year's records, and the older value from another primary after them.
   */
  private @Nullable Long deletedMinute(RawRecord record, long timestampMs) {
    if (!record.isDelete()) {
      return null;
    }
    long readAtMs = getProcessingTimeService().getCurrentProcessingTime();
    long minute = Minutes.of(Math.max(timestampMs, readAtMs));
    expireAfter(minute);
    return minute;
  }

  /** Forgets a key that was deleted, unless it came back or was deleted again since. */
  @Override
  public void onEventTime(InternalTimer<StateKey, VoidNamespace> timer) throws Exception {
    byte[] bytes = latest.value();
    if (bytes == null) {
      return;
    }
    Long deletedMinute = LatestVersion.fromBytes(bytes).deletedMinute();
    if (deletedMinute != null && isPast(deletedMinute)) {
      latest.clear();
    }
  }
}
