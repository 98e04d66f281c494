package dev.anabranch.union;

import java.util.Objects;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.OutputTag;
import org.jspecify.annotations.Nullable;

/**
 * Tells late records from those that are in time: late is what is not later than the watermark, so
 * that windows may have been counted without it. So it is over a restore, too. The metric {@code
 * lateRecords} counts.
 */
public final class LateRecords {
  /** Name of the counter. */
  public static final String COUNTER = "lateRecords";

  private LateRecords() {}

  /**
   * Sends late records to a side output. Event-time windows behind it drop none of those that pass.
   *
   * <p>That rests on the exchange by key: only behind an exchange is the watermark that of all
   * subtasks of the source. One whose partitions were silent knows less than the windows do, and
   * would let pass what they drop. It also rests on the subtasks behind the exchange never being
   * idle: windows would not wait for one that has not heard yet that the stream goes on, and drop
   * what that one lets pass. So a stream that is silent as a whole holds those that are joined with
   * it behind this.
   *
   * @param records with timestamps; one without is never late
   * @param key spreads the records over subtasks, such as the key of the windows
   * @param late of the side output, which is read by {@code getSideOutput}; who ignores it drops
   *     late records
   * @return those that are in time
   */
  public static <T, K> SingleOutputStreamOperator<T> split(
      DataStream<T> records, KeySelector<T, K> key, OutputTag<T> late) {
    return records.keyBy(key).transform("late records", records.getType(), new Split<>(late));
  }

  /** Passes on what is in time, and every watermark, but not that nobody is waited for. */
  static final class Split<T> extends AbstractStreamOperator<T>
      implements OneInputStreamOperator<T, T> {
    private static final long serialVersionUID = 1L;

    private final OutputTag<T> late;
    private transient Counter count = new SimpleCounter();
    private transient @Nullable KeptWatermark watermark;

    Split(OutputTag<T> late) {
      this.late = late;
    }

    @Override
    public void open() throws Exception {
      super.open();
      count = getMetricGroup().counter(COUNTER);
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
      super.initializeState(context);
      watermark = KeptWatermark.restore(context);
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
      super.snapshotState(context);
      watermark().snapshot();
    }

    @Override
    public void processElement(StreamRecord<T> record) {
      if (watermark().hasPassed(record)) {
        count.inc();
        output.collect(late, record);
      } else {
        output.collect(record);
      }
    }

    @Override
    public void processWatermark(Watermark mark) throws Exception {
      watermark().follow(mark);
      super.processWatermark(mark);
    }

    @Override
    public void processWatermarkStatus(WatermarkStatus status) throws Exception {
      if (status.isActive()) {
        super.processWatermarkStatus(status);
      }
    }

    private KeptWatermark watermark() {
      return Objects.requireNonNull(watermark);
    }
  }
}
