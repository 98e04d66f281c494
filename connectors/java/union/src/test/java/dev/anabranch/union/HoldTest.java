package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Windows are complete though a primary is away: the watermark waits for it. */
class HoldTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static final WatermarkMode HOLD =
      WatermarkMode.hold(Duration.ofMinutes(10))
          .withIdleTimeout(Duration.ofSeconds(2))
          .byRecordTime();

  @TempDir Path directory;
  private String stream = "";
  private WatermarkStrategy<RawRecord> watermarks = Windows.STRATEGY;
  private @Nullable UnionJob running;
  private final List<String> written = new ArrayList<>();

  @BeforeEach
  void name(TestInfo test) {
    stream = "hold-" + test.getTestMethod().orElseThrow().getName().toLowerCase();
  }

  @AfterEach
  void mend() throws Exception {
    FIXTURE.b().link().open();
    if (running != null) {
      running.cancel();
    }
  }

  @Test
  void windowsWaitForAPrimaryThatIsDownAtTheFirstStart() throws Exception {
    UnionJob job = start(bBehindItsLink(2), HOLD, 2, null, true);
    writeToBoth(2, 0, 4);
    job.awaitCount(written.size() / 2);
    job.awaitHeld("b", true);
    job.awaitCheckpoint();
    assertThat(Windows.fired(stream)).isEmpty();

    FIXTURE.b().link().open();
    job.awaitExactly(written);
    awaitFired(4);
    Windows.assertExact(stream, 0, 3, 20);
  }

  @Test
  void windowsWaitForAPrimaryThatDiesInTheMiddle() throws Exception {
    TopologyFile topology = bBehindItsLink(2);
    writeToBoth(2, 0, 4);
    UnionJob job = start(topology, HOLD, 2, null, false);
    awaitFired(4);

    FIXTURE.b().link().cut();
    job.awaitHeld("b", true);
    writeToBoth(2, 5, 20);
    job.awaitCount(5 * 20 + 16 * 10);
    pastIdleTimeout();
    job.awaitCheckpoint();
    assertThat(Windows.fired(stream)).hasSize(4);

    FIXTURE.b().link().open();
    job.awaitExactly(written);
    awaitFired(20);
    job.awaitHeld("b", false);
    Windows.assertExact(stream, 0, 19, 20);
  }

  @Test
  void anOutageIsHeldFromItsFirstMomentWherePartitionsAreNotSilent() throws Exception {
    TopologyFile topology = bBehindItsLink(2);
    writeToBoth(2, 0, 4);
    UnionJob job = start(topology, HOLD.withIdleTimeout(Duration.ofSeconds(20)), 2, null, false);
    awaitFired(4);

    FIXTURE.b().link().cut();
    writeToBoth(2, 5, 20);
    job.awaitHeld("b", true);
    assertThat(Windows.fired(stream)).hasSize(4);

    FIXTURE.b().link().open();
    job.awaitExactly(written);
    awaitFired(20);
    Windows.assertExact(stream, 0, 19, 20);
  }

  @Test
  void aRestoreWhileAPrimaryIsDownHoldsOn() throws Exception {
    TopologyFile topology = bBehindItsLink(2);
    writeToBoth(2, 0, 4);
    UnionJob job = start(topology, HOLD, 2, null, false);
    awaitFired(4);
    FIXTURE.b().link().cut();
    job.awaitHeld("b", true);
    writeToBoth(2, 5, 9);
    job.awaitCount(5 * 20 + 5 * 10);
    String savepoint = job.stop();

    job = start(topology, HOLD, 3, savepoint, false);
    writeToBoth(2, 10, 14);
    job.awaitCount(5 * 20 + 10 * 10);
    pastIdleTimeout();
    assertThat(Windows.fired(stream)).hasSize(4);

    FIXTURE.b().link().open();
    job.awaitExactly(written);
    awaitFired(14);
    Windows.assertExact(stream, 0, 13, 20);
  }

  @Test
  void subtasksWithoutSplitsNeitherHoldForEverNorLetTheWatermarkRunAhead() throws Exception {
    UnionJob job = start(bBehindItsLink(1), HOLD, 4, null, true);
    writeToBoth(1, 0, 4);
    job.awaitCount(50);
    pastIdleTimeout();
    assertThat(Windows.fired(stream)).isEmpty();
    FIXTURE.b().link().open();
    awaitFired(4);

    FIXTURE.b().link().cut();
    job.awaitHeld("b", true);
    writeToBoth(1, 5, 9);
    job.awaitCount(5 * 20 + 5 * 10);
    pastIdleTimeout();
    assertThat(Windows.fired(stream)).hasSize(4);
    FIXTURE.b().link().open();
    job.awaitExactly(written);
    awaitFired(9);
    Windows.assertExact(stream, 0, 8, 20);
  }

  @Test
  void aPrimaryThatIsAddedIsWaitedForBeforeItIsFound() throws Exception {
    TopologyFile topology = bBehindItsLink(2);
    topology.without("b").publish();
    written.addAll(Windows.write(FIXTURE.a(), stream, 2, 0, 4, 20));
    UnionJob job = start(topology, HOLD, 2, null, true);
    awaitFired(4);

    topology.primary("b", FIXTURE.b().link().bootstrap()).publish();
    job.awaitHeld("b", true);
    writeToBoth(2, 5, 9);
    job.awaitCount(100 + 50);
    pastIdleTimeout();
    assertThat(Windows.fired(stream)).hasSize(4);

    FIXTURE.b().link().open();
    job.awaitExactly(written);
    awaitFired(9);
    Windows.assertExact(stream, 0, 8, 20);
  }

  @Test
  @Tag("long")
  void aPrimaryThatIsAddedAsDrainingAndThenMadeActiveHasNothingLate() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, stream, 2).without("b").publish();
    written.addAll(Windows.write(FIXTURE.a(), stream, 2, 0, 4, 20));
    UnionJob job = start(topology, HOLD, 2, null, false);
    awaitFired(4);

    topology.draining("b", FIXTURE.b().bootstrap()).publish();
    job.awaitSplits(4);
    topology.primary("b", FIXTURE.b().bootstrap()).publish();
    // The others are far ahead when b's first record is written.
    written.addAll(Windows.write(FIXTURE.b(), stream, 2, 5, 5, 10));
    written.addAll(Windows.write(FIXTURE.a(), stream, 2, 5, 9, 10));
    written.addAll(Windows.write(FIXTURE.b(), stream, 2, 6, 9, 10));
    job.awaitExactly(written);
    awaitFired(9);
    Windows.assertExact(stream, 0, 8, 20);
  }

  @Test
  @Tag("long")
  void whatIsWrittenToPartitionsBeforeTheyAreFoundIsLateAndNotLost() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, stream, 1).publish();
    writeToBoth(1, 0, 4);
    // Long enough that the others are far ahead when it looks again.
    UnionSourceBuilder<RawRecord> source =
        UnionFixture.source(topology).discoveryInterval(Duration.ofSeconds(40));
    UnionJob job = start(source, HOLD, 2, null);
    awaitFired(4);

    try (Admin admin = FIXTURE.b().admin();
        TestProducer producer = new TestProducer(FIXTURE.b(), Map.of())) {
      admin.createPartitions(Map.of(stream, NewPartitions.increaseTo(2))).all().get();
      written.addAll(producer.write(stream, 2, "early-5-", 20, Windows.start(5), 100));
    }
    List<String> unseen =
        written.stream().filter(value -> value.matches("early-5-1?[13579]")).toList();
    writeToBoth(1, 5, 9);
    awaitFired(9);
    assertThat(Windows.fired(stream)).containsEntry(5L, List.of(30L));
    job.awaitSplits(3);
    job.awaitExactly(written);
    Await.until(() -> Windows.late(stream).size() >= unseen.size(), Duration.ofSeconds(60));
    assertThat(Windows.late(stream)).containsExactlyInAnyOrderElementsOf(unseen);
  }

  @Test
  void aSilentPrimaryThatAnswersHoldsNobodyNorDoesARemovedOne() throws Exception {
    // One partition each: nobody waits for one of two that were silent, so either could be late.
    TopologyFile topology = bBehindItsLink(1);
    writeToBoth(1, 0, 4);
    UnionJob job = start(topology, HOLD, 2, null, false);
    awaitFired(4);
    written.addAll(Windows.write(FIXTURE.a(), stream, 1, 5, 9, 20));
    awaitFired(9);

    FIXTURE.b().link().cut();
    job.awaitHeld("b", true);
    topology.removed("b", FIXTURE.b().link().bootstrap()).publish();
    written.addAll(Windows.write(FIXTURE.a(), stream, 1, 10, 14, 20));
    awaitFired(14);
    Windows.assertExact(stream, 0, 13, 20);
  }

  @Test
  @Tag("long")
  void theBoundSurvivesARestoreAndThenTheWatermarkGoesOn() throws Exception {
    WatermarkMode bounded =
        WatermarkMode.hold(Duration.ofSeconds(20))
            .withIdleTimeout(Duration.ofSeconds(2))
            .byRecordTime();
    TopologyFile topology = bBehindItsLink(1);
    writeToBoth(1, 0, 4);
    UnionJob job = start(topology, bounded, 2, null, false);
    awaitFired(4);
    FIXTURE.b().link().cut();
    job.awaitHeld("b", true);
    written.addAll(Windows.write(FIXTURE.a(), stream, 1, 5, 9, 10));
    job.awaitTimeDown("b", 8);
    job.awaitCheckpoint();
    assertThat(Windows.fired(stream)).hasSize(4);
    String savepoint = job.stop();

    // Time in which the job does not run does not count.
    Thread.sleep(13_000);
    long restartedNanos = System.nanoTime();
    job = start(topology, bounded, 2, savepoint, false);
    job.awaitHeld("b", true);
    assertThat(job.timeDown("b")).isBetween(7L, 19L);
    job.awaitHeld("b", false);
    Duration rest = Duration.ofNanos(System.nanoTime() - restartedNanos);
    assertThat(rest).isBetween(Duration.ofSeconds(3), Duration.ofSeconds(17));
    written.addAll(Windows.write(FIXTURE.a(), stream, 1, 10, 14, 10));
    awaitFired(14);

    List<String> late = Windows.write(FIXTURE.b(), stream, 1, 5, 9, 10);
    written.addAll(late);
    FIXTURE.b().link().open();
    job.awaitExactly(written);
    Await.until(() -> Windows.late(stream).size() >= late.size(), Duration.ofSeconds(60));
    assertThat(Windows.late(stream)).containsExactlyInAnyOrderElementsOf(late);
    assertThat(Windows.fired(stream)).hasSize(14).containsEntry(4L, List.of(20L));

    // The next outage has all of the time again.
    job.awaitTimeDown("b", 0);
    FIXTURE.b().link().cut();
    job.awaitHeld("b", true);
    writeToBoth(1, 15, 19);
    job.awaitCount(written.size() - 50);
    FIXTURE.b().link().open();
    awaitFired(19);
    assertThat(Windows.fired(stream)).containsEntry(15L, List.of(20L));
  }

  @Test
  void underAlignmentADeadPrimaryStopsNobodyAndAlignmentGoesOnBehindIt() throws Exception {
    watermarks =
        Windows.STRATEGY.withWatermarkAlignment(
            stream, Duration.ofMinutes(2), Duration.ofMillis(100));
    TopologyFile topology = bBehindItsLink(2);
    writeToBoth(2, 0, 4);
    // Both are written to at the end, one after the other: neither may count as silent meanwhile.
    UnionJob job = start(topology, HOLD.withIdleTimeout(Duration.ofMinutes(1)), 2, null, false);
    awaitFired(4);

    FIXTURE.b().link().cut();
    job.awaitHeld("b", true);
    for (int minute = 5; minute < 45; minute += 10) {
      writeToBoth(2, minute, minute + 9);
      job.awaitCount(5 * 20 + (minute + 5) * 10);
      Thread.sleep(500);
    }
    assertThat(Windows.fired(stream)).hasSize(4);

    FIXTURE.b().link().open();
    job.awaitExactly(written);
    awaitFired(44);
    writeToBoth(2, 45, 60);
    job.awaitExactly(written);
    awaitFired(60);
    Windows.assertExact(stream, 0, 59, 20);
  }

  private static void pastIdleTimeout() throws InterruptedException {
    Thread.sleep(2 * HOLD.idleTimeout().toMillis());
  }

  private UnionJob start(
      TopologyFile topology,
      WatermarkMode mode,
      int parallelism,
      @Nullable String savepoint,
      boolean cut)
      throws Exception {
    if (cut) {
      FIXTURE.b().link().cut();
    }
    return start(UnionFixture.source(topology), mode, parallelism, savepoint);
  }

  private UnionJob start(
      UnionSourceBuilder<RawRecord> source,
      WatermarkMode mode,
      int parallelism,
      @Nullable String savepoint)
      throws Exception {
    running =
        UnionJob.start(
            stream,
            source.watermarkMode(mode).build(),
            parallelism,
            directory,
            savepoint,
            watermarks,
            records -> Windows.count(stream, records));
    return running;
  }

  /** Ten records of each of these minutes to each primary, past any link. */
  private void writeToBoth(int partitions, int from, int to) {
    written.addAll(Windows.write(FIXTURE.a(), stream, partitions, from, to, 10));
    written.addAll(Windows.write(FIXTURE.b(), stream, partitions, from, to, 10));
  }

  private void awaitFired(int windows) throws Exception {
    try {
      Await.until(() -> Windows.fired(stream).size() >= windows, Duration.ofSeconds(60));
    } catch (AssertionError tooLate) {
      throw new AssertionError("fired: " + Windows.fired(stream), tooLate);
    }
  }

  private TopologyFile bBehindItsLink(int partitions) throws Exception {
    return FIXTURE.bBehindItsLink(directory, stream, partitions);
  }
}
