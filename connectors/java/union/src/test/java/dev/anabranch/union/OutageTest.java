package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.api.common.JobStatus;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A dead primary stops nobody and loses no offset. */
class OutageTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  @TempDir Path directory;

  @AfterEach
  void reviveB() {
    if (!FIXTURE.b().isAlive()) {
      FIXTURE.b().restart();
    }
  }

  @Test
  void startsWithoutAPrimaryThatThenReturnsDiesAndReturns() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "outage", 2);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(FIXTURE.a(), "outage", 2, "a", 100));
    List<String> onB = TestProducer.write(FIXTURE.b(), "outage", 2, "b", 100);
    FIXTURE.b().kill();

    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);
    job.awaitDown("b");

    FIXTURE.b().restart();
    written.addAll(onB);
    job.awaitExactly(written);

    FIXTURE.b().kill();
    written.addAll(TestProducer.write(FIXTURE.a(), "outage", 2, "alone", 100));
    job.awaitExactly(written);
    job.awaitDown("b");

    FIXTURE.b().restart();
    written.addAll(TestProducer.write(FIXTURE.b(), "outage", 2, "again", 100));
    job.awaitExactly(written);
    job.cancel();
  }

  private enum Start {
    LATEST,
    TIMESTAMP
  }

  @ParameterizedTest
  @EnumSource(Start.class)
  @Tag("long")
  void aPrimaryThatIsDownAtTheFirstStartIsReadFromWhereItWasToBeReadThen(Start start)
      throws Exception {
    String stream = "down-at-" + start.name().toLowerCase(Locale.ROOT);
    TopologyFile topology = FIXTURE.twoPrimaries(directory, stream, 2);
    long now = System.currentTimeMillis();
    List<String> written = new ArrayList<>();
    for (LocalBroker broker : List.of(FIXTURE.a(), FIXTURE.b())) {
      try (TestProducer producer = new TestProducer(broker, Map.of())) {
        producer.write(stream, 2, "old-" + broker.name(), 20, now - 60_000, 1);
        List<String> later = producer.write(stream, 2, "later-" + broker.name(), 20, now, 1);
        if (start == Start.TIMESTAMP) {
          written.addAll(later);
        }
      }
    }
    FIXTURE.b().kill();

    StartPosition position =
        start == Start.LATEST ? StartPosition.latest() : StartPosition.timestamp(now);
    UnionJob job =
        UnionFixture.start(topology, UnionFixture.source(topology).start(position), 1, directory);
    job.awaitSplits(2);
    job.awaitDown("b");
    List<String> onB = written.stream().filter(value -> value.startsWith("later-b")).toList();
    written.removeAll(onB);
    written.addAll(TestProducer.write(FIXTURE.a(), stream, 2, "alone", 20));
    job.awaitExactly(written);

    FIXTURE.b().restart();
    written.addAll(onB);
    // At the latest: after the job's start, and so to be read, whenever its offsets are looked up.
    written.addAll(TestProducer.write(FIXTURE.b(), stream, 2, "again", 20));
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aRunWithoutAnEndGoesOnBehindThoseOfABoundedOne() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "unbounded", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 200);
    FIXTURE.b().kill();

    // It waits for the end of b, and so is there to be stopped.
    UnionJob job =
        UnionFixture.start(
            topology, UnionFixture.source(topology).stop(StopPosition.latest()), 2, directory);
    job.awaitCount(200);
    String savepoint = job.stop();
    written.addAll(TestProducer.write(FIXTURE.a(), "unbounded", 2, "later-a", 100));

    UnionJob restored =
        UnionJob.start("unbounded", UnionFixture.source(topology).build(), 2, directory, savepoint);
    FIXTURE.b().restart();
    restored.awaitExactly(written);
    restored.cancel();
  }

  @Test
  void restoresAndRescalesWhileAPrimaryIsDown() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "rescale", 3);
    UnionSource<RawRecord> source = UnionFixture.source(topology).build();
    List<String> written = FIXTURE.writeToBoth(topology, 3, "", 100);
    UnionJob job = UnionJob.start("rescale", source, 1, directory, null);
    job.awaitExactly(written);
    job.awaitSplitsOfEach(6);
    String savepoint = job.stop();

    List<String> unread = TestProducer.write(FIXTURE.b(), "rescale", 3, "unread", 100);
    FIXTURE.b().kill();
    for (int parallelism : new int[] {3, 2}) {
      written.addAll(TestProducer.write(FIXTURE.a(), "rescale", 3, "at" + parallelism + "-", 100));
      job = UnionJob.start("rescale", source, parallelism, directory, savepoint);
      job.awaitExactly(written);
      job.awaitDown("b");
      if (parallelism == 3) {
        job.awaitSplitsOfEach(2, 2, 2);
        savepoint = job.stop();
      }
    }
    job.awaitSplitsOfEach(3, 3);

    FIXTURE.b().restart();
    written.addAll(unread);
    job.awaitExactly(written);
    job.awaitSplitsOfEach(3, 3);
    savepoint = job.stop();

    job = UnionJob.start("rescale", source, 4, directory, savepoint);
    written.addAll(FIXTURE.writeToBoth(topology, 3, "wider-", 100));
    job.awaitExactly(written);
    job.awaitSplitsOfEach(2, 2, 1, 1);
    job.cancel();
  }

  /** Each subtask is a region of its own, so that the others go on meanwhile. */
  @Test
  void aReaderThatFailsWhileAPrimaryIsDownIsFollowedByOneThatGoesOnWithItsSplits()
      throws Exception {
    String stream = "failing-alone";
    TopologyFile topology = FIXTURE.twoPrimaries(directory, stream, 3);
    List<String> written = FIXTURE.writeToBoth(topology, 3, "", 100);
    UnionJob job = UnionFixture.start(topology, 3, directory);
    job.awaitExactly(written);
    job.awaitCheckpoint();
    FIXTURE.b().kill();
    job.awaitDown("b");

    Tally.failOnceAt(stream, 10);
    written.addAll(TestProducer.write(FIXTURE.a(), stream, 3, "fails", 100));
    job.awaitExactly(written);
    assertThat(Tally.hasFailed(stream)).isTrue();

    FIXTURE.b().restart();
    written.addAll(FIXTURE.writeToBoth(topology, 3, "after", 100));
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  @Tag("long")
  void aPrimaryThatIsPausedForLongerThanEveryTimeoutHoldsUpNobody() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "long-pause", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 100);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);

    FIXTURE.b().pause();
    try {
      // Kafka's clients wait for up to a minute by themselves.
      long end = System.nanoTime() + Duration.ofSeconds(75).toNanos();
      for (int i = 0; System.nanoTime() < end; i++) {
        written.addAll(TestProducer.write(FIXTURE.a(), "long-pause", 2, "alone" + i + "-", 10));
        job.awaitUnhindered(written);
        job.awaitCheckpoint();
      }
      job.awaitDown("b");
    } finally {
      FIXTURE.b().resume();
    }
    written.addAll(TestProducer.write(FIXTURE.b(), "long-pause", 2, "again", 100));
    job.awaitExactly(written);
    assertThat(job.status()).isEqualTo(JobStatus.RUNNING);
    job.cancel();
  }

  @Test
  void aPausedPrimaryHoldsUpNobody() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "paused", 2);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(FIXTURE.b(), "paused", 2, "b", 100));
    UnionJob job = UnionFixture.start(topology, 1, directory);
    job.awaitExactly(written);

    FIXTURE.b().pause();
    try {
      written.addAll(TestProducer.write(FIXTURE.a(), "paused", 2, "alone", 100));
      job.awaitUnhindered(written);
      job.awaitCheckpoint();
    } finally {
      FIXTURE.b().resume();
    }
    written.addAll(TestProducer.write(FIXTURE.b(), "paused", 2, "again", 100));
    job.awaitExactly(written);
    job.cancel();
  }
}
