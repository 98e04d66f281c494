package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Unread records are gone: every loss is reported, and each policy goes on in its own way. */
class LossTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static LocalBroker victim;

  @TempDir Path directory;

  @BeforeAll
  static void startVictim() {
    victim = LocalBroker.start("victim");
  }

  @AfterEach
  void mend() {
    victim.link().open();
  }

  @AfterAll
  static void stopVictim() {
    victim.close();
  }

  @Test
  void deletedRecordsAreReportedAndThenReadOnUnderReset() throws Exception {
    TopologyFile topology = victimAlone("deleted", 1);
    UnionSource<RawRecord> source = reporting(topology, OutOfRangePolicy.RESET);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(victim, "deleted", 1, "first", 100));
    UnionJob job = UnionJob.start("deleted", source, 1, directory, null);
    job.awaitExactly(written);
    String savepoint = job.stop();

    TestProducer.write(victim, "deleted", 1, "unread", 50);
    deleteBefore("deleted", 130);
    job = UnionJob.start("deleted", source, 1, directory, savepoint);
    written.add("DELETED deleted-0 100..130");
    for (int i = 30; i < 50; i++) {
      written.add("unread" + i);
    }
    job.awaitExactly(written);
    assertThat(job.count("primary\\.v\\.lostRanges")).isEqualTo(1);
    assertThat(job.count("primary\\.v\\.lostRecords")).isEqualTo(30);
    job.cancel();
  }

  @Test
  void whatIsDeletedWhileItsPrimaryIsOutOfReachIsReportedWhenItIsBack() throws Exception {
    TopologyFile topology = victimAndA("unreachable", victim.link().bootstrap());
    List<String> written = new ArrayList<>(TestProducer.write(victim, "unreachable", 1, "v", 100));
    UnionJob job =
        UnionJob.start(
            "unreachable", reporting(topology, OutOfRangePolicy.RESET), 2, directory, null);
    job.awaitExactly(written);

    victim.link().silence();
    job.awaitDown("v");
    List<String> backlog = TestProducer.write(victim, "unreachable", 1, "backlog", 50);
    deleteBefore("unreachable", 130);
    written.addAll(TestProducer.write(FIXTURE.a(), "unreachable", 1, "a", 50));
    job.awaitExactly(written);
    victim.link().open();

    written.add("DELETED unreachable-0 100..130");
    written.addAll(backlog.subList(30, 50));
    job.awaitExactly(written);
    assertThat(job.count("primary\\.v\\.lostRanges")).isEqualTo(1);
    assertThat(job.count("primary\\.v\\.lostRecords")).isEqualTo(30);
    job.cancel();
  }

  @Test
  @Tag("long")
  void whatIsDeletedWhileItsPrimaryIsRemovedIsReportedWhenItIsAddedAgain() throws Exception {
    TopologyFile topology = victimAndA("parked", victim.bootstrap());
    List<String> written = new ArrayList<>(TestProducer.write(victim, "parked", 1, "v", 100));
    UnionJob job =
        UnionJob.start("parked", reporting(topology, OutOfRangePolicy.RESET), 2, directory, null);
    job.awaitExactly(written);

    topology.removed("v", victim.bootstrap()).publish();
    job.awaitParked("v");
    Await.until(() -> victim.connections() == 0, Duration.ofSeconds(60));
    TestProducer.write(victim, "parked", 1, "backlog", 50);
    deleteBefore("parked", 150);
    topology.primary("v", victim.bootstrap()).publish();

    written.add("DELETED parked-0 100..150");
    job.awaitExactly(written);
    written.addAll(TestProducer.write(victim, "parked", 1, "again", 50));
    job.awaitExactly(written);
    assertThat(job.count("primary\\.v\\.lostRanges")).isEqualTo(1);
    assertThat(job.count("primary\\.v\\.lostRecords")).isEqualTo(50);
    job.cancel();
  }

  @Test
  void deletedRecordsParkTheLogUnderParkUntilAnotherPolicyFreesIt() throws Exception {
    TopologyFile topology = victimAlone("park", 2);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(victim, "park", 2, "first", 20));
    UnionJob job =
        UnionJob.start("park", reporting(topology, OutOfRangePolicy.PARK), 1, directory, null);
    job.awaitExactly(written);
    String savepoint = job.stop();

    List<String> unread = TestProducer.write(victim, "park", 2, "unread", 20);
    deleteBefore("park", 15);
    job =
        UnionJob.start("park", reporting(topology, OutOfRangePolicy.PARK), 1, directory, savepoint);
    written.add("DELETED park-0 10..15");
    for (int i = 1; i < 20; i += 2) {
      written.add(unread.get(i));
    }
    job.awaitExactly(written);
    job.awaitParked("v");
    savepoint = job.stop();

    job =
        UnionJob.start(
            "park", reporting(topology, OutOfRangePolicy.RESET), 1, directory, savepoint);
    for (int i = 10; i < 20; i += 2) {
      written.add(unread.get(i));
    }
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void deletedRecordsFailTheJobByNameUnderFail() throws Exception {
    TopologyFile topology = victimAlone("fail", 1);
    UnionSource<RawRecord> source = reporting(topology, OutOfRangePolicy.FAIL);
    List<String> written = TestProducer.write(victim, "fail", 1, "first", 10);
    UnionJob job = UnionJob.start("fail", source, 1, directory, null);
    job.awaitExactly(written);
    String savepoint = job.stop();

    TestProducer.write(victim, "fail", 1, "unread", 10);
    deleteBefore("fail", 15);
    UnionJob restored = UnionJob.start("fail", source, 1, directory, savepoint);
    assertThatThrownBy(restored::awaitFinished)
        .hasStackTraceContaining("DELETED: v/fail-0 lost offsets 10..14");
  }

  @Test
  void aTopicThatIsCreatedAgainIsReadFromItsStartUnderReset() throws Exception {
    TopologyFile topology = victimAlone("recreated", 1);
    UnionJob job =
        UnionJob.start(
            "recreated", reporting(topology, OutOfRangePolicy.RESET), 1, directory, null);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(victim, "recreated", 1, "old", 100));
    job.awaitExactly(written);

    // The new log is longer than the old one: a plain consumer would skip its first 100 records.
    recreate("recreated");
    written.addAll(TestProducer.write(victim, "recreated", 1, "new", 300));
    written.add("TOPIC_REPLACED recreated-0 100..-1");
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aTopicThatIsCreatedAgainFailsTheJobByNameUnderFail() throws Exception {
    TopologyFile topology = victimAlone("recreated-fail", 1);
    UnionJob job =
        UnionJob.start(
            "recreated-fail", reporting(topology, OutOfRangePolicy.FAIL), 1, directory, null);
    job.awaitExactly(TestProducer.write(victim, "recreated-fail", 1, "old", 100));

    recreate("recreated-fail");
    TestProducer.write(victim, "recreated-fail", 1, "new", 300);
    assertThatThrownBy(job::awaitFinished)
        .hasStackTraceContaining("TOPIC_REPLACED: v/recreated-fail-0");
    assertThat(Tally.of("recreated-fail")).doesNotContainKey("new0");
  }

  @Test
  void aTopicThatIsCreatedAgainIsLeftAloneUnderPark() throws Exception {
    TopologyFile topology = victimAlone("left", 1);
    UnionJob job =
        UnionJob.start("left", reporting(topology, OutOfRangePolicy.PARK), 1, directory, null);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(victim, "left", 1, "old", 100));
    job.awaitExactly(written);

    recreate("left");
    List<String> renewed = TestProducer.write(victim, "left", 1, "new", 300);
    written.add("TOPIC_REPLACED left-0 100..-1");
    job.awaitExactly(written);
    job.awaitParked("v");
    String savepoint = job.stop();
    assertThat(Tally.of("left")).doesNotContainKey("new0");

    job =
        UnionJob.start(
            "left", reporting(topology, OutOfRangePolicy.RESET), 1, directory, savepoint);
    written.addAll(renewed);
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aWipedClusterIsReadFromItsStartUnderReset() throws Exception {
    TopologyFile topology = victimAndA("wiped");
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(victim, "wiped", 1, "old", 100));
    UnionJob job =
        UnionJob.start("wiped", reporting(topology, OutOfRangePolicy.RESET), 2, directory, null);
    job.awaitExactly(written);

    wipe("wiped");
    written.addAll(TestProducer.write(victim, "wiped", 1, "new", 300));
    written.addAll(TestProducer.write(FIXTURE.a(), "wiped", 1, "a", 50));
    written.add("CLUSTER_REPLACED wiped-0 100..-1");
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aWipedClusterIsLeftAloneUnderParkAndFailsTheJobUnderFail() throws Exception {
    TopologyFile topology = victimAndA("wiped-park");
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(victim, "wiped-park", 1, "old", 100));
    UnionJob job =
        UnionJob.start(
            "wiped-park", reporting(topology, OutOfRangePolicy.PARK), 1, directory, null);
    job.awaitExactly(written);
    String before = job.stop();

    wipe("wiped-park");
    TestProducer.write(victim, "wiped-park", 1, "new", 300);
    job =
        UnionJob.start(
            "wiped-park", reporting(topology, OutOfRangePolicy.PARK), 1, directory, before);
    written.add("CLUSTER_REPLACED wiped-park-0 100..-1");
    job.awaitExactly(written);
    written.addAll(TestProducer.write(FIXTURE.a(), "wiped-park", 1, "a", 50));
    job.awaitExactly(written);
    job.cancel();

    UnionJob failing =
        UnionJob.start(
            "wiped-park", reporting(topology, OutOfRangePolicy.FAIL), 1, directory, before);
    assertThatThrownBy(failing::awaitFinished)
        .hasStackTraceContaining("CLUSTER_REPLACED: v/wiped-park-0");
  }

  private TopologyFile victimAlone(String stream, int partitions) throws Exception {
    victim.createTopic(stream, partitions);
    return new TopologyFile(directory, stream).primary("v", victim.bootstrap()).publish();
  }

  private TopologyFile victimAndA(String stream) throws Exception {
    return victimAndA(stream, victim.bootstrap());
  }

  private TopologyFile victimAndA(String stream, String way) throws Exception {
    FIXTURE.a().createTopic(stream, 1);
    victim.createTopic(stream, 1);
    return new TopologyFile(directory, stream)
        .primary("a", FIXTURE.a().bootstrap())
        .primary("v", way)
        .publish();
  }

  private static UnionSource<RawRecord> reporting(TopologyFile topology, OutOfRangePolicy policy) {
    return UnionFixture.source(topology).outOfRange(policy).deserializer(new LossEmitter()).build();
  }

  private static void deleteBefore(String topic, long offset) throws Exception {
    try (Admin admin = victim.admin()) {
      admin
          .deleteRecords(Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(offset)))
          .all()
          .get();
    }
  }

  private static void recreate(String topic) throws Exception {
    try (Admin admin = victim.admin()) {
      admin.deleteTopics(List.of(topic)).all().get();
      Await.until(() -> !admin.listTopics().names().get().contains(topic), Duration.ofSeconds(30));
    }
    victim.createTopic(topic, 1);
  }

  private static void wipe(String topic) {
    victim.wipe();
    victim.restart();
    victim.createTopic(topic, 1);
  }
}
