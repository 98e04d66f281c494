package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.JobStatus;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Where reading begins and ends, and what is told to a consumer group. */
class PositionsTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  @TempDir Path directory;

  @AfterEach
  void mend() {
    FIXTURE.b().link().open();
  }

  @Test
  void committedOffsetsAreTakenPerPrimaryAndCommittedAtCheckpoints() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "committed", 1);
    List<String> onA = TestProducer.write(FIXTURE.a(), "committed", 1, "a", 30);
    List<String> onB = TestProducer.write(FIXTURE.b(), "committed", 1, "b", 30);
    TopicPartition place = new TopicPartition("committed", 0);
    try (Admin admin = FIXTURE.a().admin()) {
      admin
          .alterConsumerGroupOffsets("old-job", Map.of(place, new OffsetAndMetadata(20)))
          .all()
          .get();
    }
    UnionJob job =
        UnionJob.start(
            "committed",
            UnionFixture.source(topology)
                .groupId("old-job")
                .start(StartPosition.committed(StartPosition.earliest()))
                .build(),
            1,
            directory,
            null);
    List<String> expected = new ArrayList<>(onA.subList(20, 30));
    expected.addAll(onB);
    job.awaitExactly(expected);
    try (Admin a = FIXTURE.a().admin();
        Admin b = FIXTURE.b().admin()) {
      Await.until(
          () -> committed(a, place) == 30 && committed(b, place) == 30, Duration.ofSeconds(60));
    }
    job.cancel();
  }

  @Test
  void aBoundedReadHasCommittedItsEndsWhenItHasEnded() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "ended", 1);
    FIXTURE.writeToBoth(topology, 1, "", 20);
    UnionJob job =
        UnionJob.start(
            "ended",
            UnionFixture.source(topology).groupId("old-job").stop(StopPosition.latest()).build(),
            1,
            directory,
            null);
    job.awaitFinished();
    TopicPartition place = new TopicPartition("ended", 0);
    try (Admin a = FIXTURE.a().admin();
        Admin b = FIXTURE.b().admin()) {
      assertThat(List.of(committed(a, place), committed(b, place))).containsExactly(20L, 20L);
    }
  }

  private static long committed(Admin admin, TopicPartition place) throws Exception {
    OffsetAndMetadata offset =
        admin.listConsumerGroupOffsets("old-job").partitionsToOffsetAndMetadata().get().get(place);
    return offset == null ? -1 : offset.offset();
  }

  @Test
  void aTimeIsLookedUpOnAPrimaryThatWasDownAtTheStartWhenItIsThere() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "time", 2);
    FIXTURE.writeToBoth(topology, 2, "old-", 20);
    Thread.sleep(50);
    long time = System.currentTimeMillis();
    Thread.sleep(50);
    List<String> onA = TestProducer.write(FIXTURE.a(), "time", 2, "a", 20);
    List<String> onB = TestProducer.write(FIXTURE.b(), "time", 2, "b", 20);
    topology.primary("b", FIXTURE.b().link().bootstrap()).publish();
    FIXTURE.b().link().cut();
    UnionJob job =
        UnionFixture.start(
            topology,
            UnionFixture.source(topology).start(StartPosition.timestamp(time)),
            1,
            directory);
    List<String> written = new ArrayList<>(onA);
    job.awaitExactly(written);

    FIXTURE.b().link().open();
    written.addAll(onB);
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void latestMeansTheJobsStartAlsoOnAPrimaryThatWasDownThen() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "latest", 2);
    TestProducer.write(FIXTURE.a(), "latest", 2, "old-a", 20);
    TestProducer.write(FIXTURE.b(), "latest", 2, "old-b", 20);
    topology.primary("b", FIXTURE.b().link().bootstrap()).publish();
    FIXTURE.b().link().cut();
    UnionJob job =
        UnionJob.start(
            "latest",
            UnionFixture.source(topology).start(StartPosition.latest()).build(),
            1,
            directory,
            null);
    job.awaitSplits(2);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(FIXTURE.a(), "latest", 2, "new-a", 20));
    job.awaitExactly(written);
    job.awaitDown("b");

    written.addAll(TestProducer.write(FIXTURE.b(), "latest", 2, "missed-b", 20));
    FIXTURE.b().link().open();
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aBoundedReadBetweenTwoTimes() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "between", 2);
    TestProducer.write(FIXTURE.a(), "between", 2, "before", 20);
    Thread.sleep(20);
    long from = System.currentTimeMillis();
    List<String> within = new ArrayList<>();
    within.addAll(TestProducer.write(FIXTURE.a(), "between", 2, "a", 20));
    within.addAll(TestProducer.write(FIXTURE.b(), "between", 2, "b", 20));
    Thread.sleep(20);
    long to = System.currentTimeMillis();
    TestProducer.write(FIXTURE.b(), "between", 2, "after", 20);

    UnionJob job =
        UnionJob.start(
            "between",
            UnionFixture.source(topology)
                .start(StartPosition.timestamp(from))
                .stop(StopPosition.timestamp(to))
                .build(),
            2,
            directory,
            null);
    job.awaitFinished();
    job.awaitExactly(within);
  }

  @Test
  void onePrimaryBeginsAndEndsElsewhereThanTheOther() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "moving", 2);
    List<String> expected = new ArrayList<>();
    expected.addAll(TestProducer.write(FIXTURE.a(), "moving", 2, "old-a", 20));
    TestProducer.write(FIXTURE.b(), "moving", 2, "mirrored-b", 20);
    Thread.sleep(20);
    long moved = System.currentTimeMillis();
    expected.addAll(TestProducer.write(FIXTURE.b(), "moving", 2, "new-b", 20));
    Thread.sleep(20);
    long to = System.currentTimeMillis();
    expected.addAll(TestProducer.write(FIXTURE.a(), "moving", 2, "late-a", 20));
    TestProducer.write(FIXTURE.b(), "moving", 2, "late-b", 20);

    UnionJob job =
        UnionJob.start(
            "moving",
            UnionFixture.source(topology)
                .start(StartPosition.earliest())
                .start("b", StartPosition.timestamp(moved))
                .stop(StopPosition.latest())
                .stop("b", StopPosition.timestamp(to))
                .build(),
            2,
            directory,
            null);
    job.awaitFinished();
    job.awaitExactly(expected);
  }

  @Test
  void aPositionForNoPrimaryOfTheFirstDocumentFailsTheJobByName() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "misspelt", 1);
    topology.removed("old", "127.0.0.1:1").publish();
    UnionJob job =
        UnionJob.start(
            "misspelt",
            UnionFixture.source(topology)
                .start("old", StartPosition.latest())
                .start("c", StartPosition.latest())
                .build(),
            1,
            directory,
            null);
    assertThatThrownBy(job::awaitFinished)
        .hasStackTraceContaining(
            "positions are given for [c], but its primaries in generation 2 of the topology are"
                + " [a, b, old]; correct the name");
  }

  @Test
  void aBoundedReadNamesThePrimaryThatItWaitedForInVain() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "deadline", 1);
    topology.primary("dead", "127.0.0.1:1").publish();
    UnionJob job =
        UnionJob.start(
            "deadline",
            UnionFixture.source(topology)
                .stop(StopPosition.latest())
                .boundedDeadline(Duration.ofSeconds(2))
                .build(),
            1,
            directory,
            null);
    assertThatThrownBy(job::awaitFinished)
        .hasStackTraceContaining("bounded read of stream deadline")
        .hasStackTraceContaining("within 2 s: primary dead (");
  }

  @Test
  void aBoundedReadDoesNotEndWithoutAPrimaryThatShowsNoTopic() throws Exception {
    String stream = "topicless";
    FIXTURE.a().createTopic(stream, 1);
    TestProducer.write(FIXTURE.a(), stream, 1, "a", 10);
    TopologyFile topology =
        new TopologyFile(directory, stream)
            .primary("a", FIXTURE.a().bootstrap())
            .primary("b", FIXTURE.b().bootstrap())
            .publish();
    UnionJob job =
        UnionJob.start(
            stream,
            UnionFixture.source(topology)
                .stop(StopPosition.latest())
                .boundedDeadline(Duration.ofSeconds(2))
                .build(),
            1,
            directory,
            null);
    assertThatThrownBy(job::awaitFinished)
        .hasStackTraceContaining("within 2 s: primary b (primary b has no topic topicless)");
  }

  @Test
  void figuresOfAReaderThatIsBehind() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "behind", 1);
    List<String> written = TestProducer.write(FIXTURE.a(), "behind", 1, "a", 30);
    Thread.sleep(2_000);
    UnionJob job =
        UnionJob.start(
            "behind",
            UnionFixture.source(topology)
                .deserializer(new SlowEmitter(300))
                // Figures are those of the last whole batch.
                .consumerProperty("max.poll.records", "5")
                .build(),
            1,
            directory,
            null);
    Duration limit = Duration.ofSeconds(60);
    Await.until(() -> job.sum("primary\\.a\\.lag") == 20, limit);
    Await.until(() -> job.sum("pendingRecords") == 15, limit);
    // The record read last was written seconds ago, and the next will be deleted with it.
    assertThat(job.sum("primary\\.a\\.headroomSeconds")).isBetween(3000L, 3597L);
    assertThat(job.sum("primary\\.b\\.lag")).isZero();
    assertThat(job.sum("primary\\.b\\.headroomSeconds")).isEqualTo(3600);
    job.awaitExactly(written);
    Await.until(() -> job.sum("pendingRecords") == 0, limit);
    job.cancel();
  }

  @Test
  void figuresOfEachPrimary() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "figures", 2);
    List<String> written = TestProducer.write(FIXTURE.a(), "figures", 2, "a", 20);
    UnionJob job =
        UnionJob.start("figures", UnionFixture.source(topology).build(), 1, directory, null);
    job.awaitExactly(written);
    Duration limit = Duration.ofSeconds(60);
    Await.until(() -> job.sum("\\.0\\.primary\\.a\\.up") == 1, limit);
    Await.until(
        () ->
            job.sum(
                    "kafkaCluster\\.a\\.KafkaSourceReader\\.topic\\.figures\\.partition\\.1\\.currentOffset")
                == 9,
        limit);
    assertThat(job.sum("primary\\.a\\.lag")).isZero();
    assertThat(job.sum("primary\\.a\\.parked")).isZero();
    assertThat(job.sum("primary\\.a\\.headroomSeconds")).isBetween(3000L, 3600L);
    assertThat(job.sum("pendingRecords")).isZero();

    topology.removed("a", FIXTURE.a().bootstrap()).publish();
    Await.until(() -> job.sum("primary\\.a\\.parked") == 2, limit);
    Await.until(() -> job.sum("enumerator\\.primary\\.a\\.up") == -1, limit);
    assertThat(job.sum("enumerator\\.primary\\.b\\.up")).isEqualTo(1);
    job.cancel();
  }

  @Test
  void whatIsReadToItsEndIsNotParked() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "ends", 2);
    topology.primary("dead", "127.0.0.1:1").publish();
    List<String> written = TestProducer.write(FIXTURE.a(), "ends", 2, "a", 20);
    UnionJob job =
        UnionJob.start(
            "ends",
            UnionFixture.source(topology).stop(StopPosition.latest()).build(),
            1,
            directory,
            null);
    job.awaitExactly(written);
    job.awaitGauges("primary\\.[ab]\\.parked", 2);
    // Nothing of b is ever read: its ends are its starts.
    Await.until(() -> job.sum("primary\\.[ab]\\.parked") == 0, Duration.ofSeconds(60));
    assertThat(job.status()).isEqualTo(JobStatus.RUNNING);
    job.cancel();
  }
}
