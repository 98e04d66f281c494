package dev.anabranch.union;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * Tells late records from those that are in time: late is what is not later than the watermark, so
 * that windows may have been counted without it. The metric {@code lateRecords} counts.
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
   * would let pass what they drop.
   *
   * @param records with timestamps; one without is never late
   * @param key spreads the records over subtasks, such as the key of the windows
   * @param late of the side output, which is read by {@code getSideOutput}; who ignores it drops
   *     late records
   * @return those that are in time
   */
  public static <T, K> SingleOutputStreamOperator<T> split(
      DataStream<T> records, KeySelector<T, K> key, OutputTag<T> late) {
    return records
        .keyBy(key)
        .process(new Split<K, T>(late), records.getType())
        .name("late records");
  }

  private static final class Split<K, T> extends KeyedProcessFunction<K, T, T> {
    private static final long serialVersionUID = 1L;

    private final OutputTag<T> late;
    private transient Counter count = new SimpleCounter();

    Split(OutputTag<T> late) {
      this.late = late;
    }

    @Override
    public void open(OpenContext context) {
      count = getRuntimeContext().getMetricGroup().counter(COUNTER);
    }

    @Override
    public void processElement(T record, Context context, Collector<T> out) {
      Long timestamp = context.timestamp();
      if (timestamp != null && timestamp <= context.timerService().currentWatermark()) {
        count.inc();
        context.output(late, record);
      } else {
        out.collect(record);
      }
    }
  }
}
