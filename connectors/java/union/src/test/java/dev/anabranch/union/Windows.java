package dev.anabranch.union;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.windowing.ProcessAllWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * A count of records per minute of event time, as a job with windows has it. Minutes are counted
 * from a fixed moment that lies far enough back for any of them to be in the past.
 */
final class Windows {
  static final WatermarkStrategy<RawRecord> STRATEGY = WatermarkStrategy.forMonotonousTimestamps();

  private static final long MINUTE_MS = 60_000;
  private static final long BASE_MS =
      (System.currentTimeMillis() / MINUTE_MS - 10 * 60) * MINUTE_MS;
  private static final Map<String, Map<Long, List<Long>>> FIRED = new ConcurrentHashMap<>();
  private static final Map<String, ConcurrentLinkedQueue<String>> LATE = new ConcurrentHashMap<>();

  /** By what a value says, whatever the time of its record. */
  static final WatermarkStrategy<RawRecord> BY_VALUE =
      STRATEGY.withTimestampAssigner(
          (record, time) -> start(Long.parseLong(new String(record.value(), UTF_8).split("-")[1])));

  private Windows() {}

  /** When a minute begins. */
  static long start(long minute) {
    return BASE_MS + minute * MINUTE_MS;
  }

  /** Counts the records of each minute; what windows drop as late is remembered. */
  static void count(String test, DataStream<RawRecord> records) {
    OutputTag<RawRecord> late = new OutputTag<>("late", records.getType());
    SingleOutputStreamOperator<Long> counts =
        records
            .windowAll(TumblingEventTimeWindows.of(Duration.ofMillis(MINUTE_MS)))
            .sideOutputLateData(late)
            .process(new Count(test));
    counts.uid("windows").sinkTo(new DiscardingSink<>());
    rememberLate(test, counts.getSideOutput(late), "too-late");
  }

  /** Remembers records that came late, by value. */
  static void rememberLate(String test, DataStream<RawRecord> late, String uid) {
    late.map(
            record -> {
              LATE.computeIfAbsent(test, any -> new ConcurrentLinkedQueue<>())
                  .add(new String(record.value(), UTF_8));
              return record;
            })
        .uid(uid)
        .sinkTo(new DiscardingSink<>());
  }

  /** Writes so many records of each minute from one to another, both included. */
  static List<String> write(
      LocalBroker broker, String topic, int partitions, int from, int to, int each) {
    List<String> written = new ArrayList<>();
    try (TestProducer producer = new TestProducer(broker, Map.of())) {
      for (int minute = from; minute <= to; minute++) {
        String prefix = broker.name() + "-" + minute + "-";
        written.addAll(producer.write(topic, partitions, prefix, each, start(minute), 100));
      }
    }
    return written;
  }

  /** What has fired: of each minute the counts of each time that it did. */
  static Map<Long, List<Long>> fired(String test) {
    return new TreeMap<>(FIRED.getOrDefault(test, Map.of()));
  }

  static List<String> late(String test) {
    return List.copyOf(LATE.getOrDefault(test, new ConcurrentLinkedQueue<>()));
  }

  /** Checks that these minutes and no others have fired, once, each with that count. */
  static void assertExact(String test, int from, int to, long each) {
    Map<Long, List<Long>> expected = new TreeMap<>();
    for (long minute = from; minute <= to; minute++) {
      expected.put(minute, List.of(each));
    }
    assertThat(fired(test)).isEqualTo(expected);
    assertThat(late(test)).isEmpty();
  }

  private static final class Count extends ProcessAllWindowFunction<RawRecord, Long, TimeWindow> {
    private static final long serialVersionUID = 1L;
    private final String test;

    Count(String test) {
      this.test = test;
    }

    @Override
    public void process(Context context, Iterable<RawRecord> records, Collector<Long> out) {
      long count = 0;
      for (RawRecord each : records) {
        count++;
      }
      FIRED
          .computeIfAbsent(test, any -> new ConcurrentHashMap<>())
          .computeIfAbsent(
              (context.window().getStart() - BASE_MS) / MINUTE_MS, any -> new ArrayList<>())
          .add(count);
      out.collect(count);
    }
  }
}
