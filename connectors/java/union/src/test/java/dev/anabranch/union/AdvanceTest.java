package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordTypeInfo;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.util.OutputTag;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The watermark goes on without a primary; what that has is late, and not lost. */
class AdvanceTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static final OutputTag<RawRecord> LATE =
      new OutputTag<>("late", RawRecordTypeInfo.INSTANCE);

  private static final WatermarkMode ADVANCE =
      WatermarkMode.advance().withIdleTimeout(Duration.ofSeconds(2));

  @TempDir Path directory;
  private @Nullable UnionJob running;

  @AfterEach
  void mend() throws Exception {
    FIXTURE.b().link().open();
    if (running != null) {
      running.cancel();
    }
  }

  @Test
  void windowsAndLateRecordsTogetherAreComplete() throws Exception {
    String stream = "advance";
    String lateStream = "late-of-advance";
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, stream, 2);
    List<String> written = new ArrayList<>(Windows.write(FIXTURE.a(), stream, 2, 0, 4, 10));
    written.addAll(Windows.write(FIXTURE.b(), stream, 2, 0, 4, 10));
    UnionJob job =
        start(
            topology,
            3,
            records -> {
              SingleOutputStreamOperator<RawRecord> inTime =
                  LateRecords.split(records, record -> record.offset() % 7, LATE);
              inTime.uid("late");
              Windows.count(stream, inTime);
              Windows.rememberLate(lateStream, inTime.getSideOutput(LATE), "late-stream");
            });
    awaitFired(stream, 4);

    FIXTURE.b().link().cut();
    written.addAll(Windows.write(FIXTURE.a(), stream, 2, 5, 14, 10));
    awaitFired(stream, 14);

    List<String> late = Windows.write(FIXTURE.b(), stream, 2, 5, 12, 10);
    written.addAll(late);
    FIXTURE.b().link().open();
    job.awaitExactly(written);
    written.addAll(Windows.write(FIXTURE.a(), stream, 2, 15, 19, 10));
    written.addAll(Windows.write(FIXTURE.b(), stream, 2, 15, 19, 10));
    awaitFired(stream, 19);

    Map<Long, Long> expected = byMinute(written);
    expected.remove(19L); // its window is still open
    await(() -> assertThat(accounted(stream, lateStream, 19)).isEqualTo(expected));
    assertThat(Windows.fired(stream).values()).as("fired once each").allMatch(f -> f.size() == 1);
    assertThat(Windows.late(lateStream)).containsAll(late);
    assertThat(job.count("lateRecords")).isEqualTo(Windows.late(lateStream).size());
    assertThat(Windows.late(stream)).as("dropped by windows").isEmpty();
  }

  @Test
  void whatIsFoundLateAtTheStartIsNotLate() throws Exception {
    String stream = "found-late";
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, stream, 2);
    List<String> written = new ArrayList<>(Windows.write(FIXTURE.a(), stream, 2, 0, 9, 10));
    written.addAll(Windows.write(FIXTURE.b(), stream, 2, 0, 9, 10));
    FIXTURE.b().link().slow(Duration.ofMillis(300));
    start(
        topology,
        2,
        Windows.STRATEGY,
        WatermarkMode.advance(),
        records -> Windows.count(stream, records));
    awaitFired(stream, 9);
    Map<Long, Long> expected = byMinute(written);
    expected.remove(9L); // its window is still open
    assertThat(accounted(stream, stream, 9)).isEqualTo(expected);
    assertThat(Windows.late(stream)).isEmpty();
  }

  @Test
  @Tag("long")
  void underAlignmentADeadPrimaryStopsNobody() throws Exception {
    String stream = "advance-aligned";
    TopologyFile topology = FIXTURE.bBehindItsLink(directory, stream, 2);
    List<String> written = new ArrayList<>(Windows.write(FIXTURE.a(), stream, 2, 0, 4, 10));
    written.addAll(Windows.write(FIXTURE.b(), stream, 2, 0, 4, 10));
    WatermarkStrategy<RawRecord> aligned =
        Windows.STRATEGY.withWatermarkAlignment(
            stream, Duration.ofMinutes(2), Duration.ofMillis(100));
    UnionJob job =
        start(
            topology,
            2,
            aligned,
            ADVANCE.byRecordTime(),
            records -> Windows.count(stream, records));
    awaitFired(stream, 4);

    FIXTURE.b().link().cut();
    for (int minute = 5; minute < 45; minute += 10) {
      written.addAll(Windows.write(FIXTURE.a(), stream, 2, minute, minute + 9, 10));
      job.awaitExactly(written);
      awaitFired(stream, minute + 9);
    }
    written.addAll(Windows.write(FIXTURE.b(), stream, 2, 45, 49, 10));
    FIXTURE.b().link().open();
    written.addAll(Windows.write(FIXTURE.a(), stream, 2, 45, 49, 10));
    job.awaitExactly(written);
    awaitFired(stream, 49);
    Map<Long, Long> expected = byMinute(written);
    expected.remove(49L); // its window is still open
    await(() -> assertThat(accounted(stream, stream, 49)).isEqualTo(expected));
    assertThat(Windows.late(stream)).allMatch(value -> value.startsWith("b-4"));
  }

  @Test
  void whoFellSilentFirstStillCountsOnceNobodyIsWaitedFor() throws Exception {
    String stream = "silent-first";
    TopologyFile topology = FIXTURE.twoPrimaries(directory, stream, 1).publish();
    Windows.write(FIXTURE.a(), stream, 1, 0, 4, 10);
    Windows.write(FIXTURE.b(), stream, 1, 0, 2, 10);
    start(topology, 1, records -> Windows.count(stream, records));
    awaitFired(stream, 2);
    // Much longer than the timeout, b goes on behind a.
    for (int i = 0; i < 10; i++) {
      Windows.write(FIXTURE.b(), stream, 1, 2, 2, 1);
      Thread.sleep(500);
    }
    awaitFired(stream, 4);
    Map<Long, List<Long>> expected =
        Map.of(0L, List.of(20L), 1L, List.of(20L), 2L, List.of(30L), 3L, List.of(10L));
    assertThat(Windows.fired(stream)).isEqualTo(expected);
    assertThat(Windows.late(stream)).isEmpty();
  }

  @Test
  void aSilentPartitionWhoseRecordsAreAheadInNameOnlyHoldsNobodyForLong() throws Exception {
    String stream = "ahead-in-name";
    TopologyFile topology = FIXTURE.twoPrimaries(directory, stream, 1).publish();
    try (TestProducer producer = new TestProducer(FIXTURE.a(), Map.of())) {
      producer.write(stream, 1, "a-0-", 10, Windows.start(40), 100);
    }
    start(topology, 1, Windows.BY_VALUE, ADVANCE, records -> Windows.count(stream, records));
    for (int minute = 0; Windows.fired(stream).size() < 3; minute++) {
      assertThat(minute).as("minutes without a window").isLessThan(39);
      Windows.write(FIXTURE.b(), stream, 1, minute, minute, 10);
      Thread.sleep(500);
    }
    assertThat(Windows.fired(stream))
        .containsEntry(0L, List.of(20L))
        .containsEntry(1L, List.of(10L));
  }

  private UnionJob start(
      TopologyFile topology,
      int parallelism,
      Consumer<SingleOutputStreamOperator<RawRecord>> behind)
      throws Exception {
    // Else a is given up after some idle timeouts, which a busy machine needs for one record of b.
    return start(topology, parallelism, Windows.STRATEGY, ADVANCE.byRecordTime(), behind);
  }

  private UnionJob start(
      TopologyFile topology,
      int parallelism,
      WatermarkStrategy<RawRecord> strategy,
      WatermarkMode mode,
      Consumer<SingleOutputStreamOperator<RawRecord>> behind)
      throws Exception {
    UnionSource<RawRecord> source = UnionFixture.source(topology).watermarkMode(mode).build();
    running =
        UnionJob.start(topology.stream(), source, parallelism, directory, null, strategy, behind);
    return running;
  }

  /** Of each minute but the last, what its window counted and what came late. */
  private static Map<Long, Long> accounted(String stream, String lateStream, long last) {
    Map<Long, Long> accounted = byMinute(Windows.late(lateStream));
    accounted.remove(last);
    Windows.fired(stream)
        .forEach((minute, counts) -> counts.forEach(c -> accounted.merge(minute, c, Long::sum)));
    return accounted;
  }

  private static Map<Long, Long> byMinute(List<String> values) {
    Map<Long, Long> counts = new TreeMap<>();
    values.forEach(value -> counts.merge(Long.parseLong(value.split("-")[1]), 1L, Long::sum));
    return counts;
  }

  private static void awaitFired(String stream, int windows) throws Exception {
    await(() -> assertThat(Windows.fired(stream)).hasSizeGreaterThanOrEqualTo(windows));
  }

  private static void await(Await.Assertion assertion) throws Exception {
    Await.untilAsserted(assertion, Duration.ofSeconds(60));
  }
}
