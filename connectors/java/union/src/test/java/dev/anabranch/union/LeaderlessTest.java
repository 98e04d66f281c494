package dev.anabranch.union;

import static java.nio.charset.StandardCharsets.UTF_8;

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
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Node;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A primary of two brokers, one of which dies: its partitions have no leader, others go on. */
class LeaderlessTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static LocalBroker first;
  private static LocalBroker second;

  @TempDir Path directory;

  @BeforeAll
  static void startBrokers() {
    first = LocalBroker.start("first");
    second = first.join("second");
  }

  @AfterAll
  static void stopBrokers() {
    second.close();
    first.close();
  }

  @BeforeEach
  void bringBack() {
    if (!second.isAlive()) {
      second.restart();
    }
  }

  @Tag("long")
  @Test
  void aBoundedReadThatWaitsForALeaderInVainFailsAndNamesTheLog() throws Exception {
    TopologyFile topology = twoBrokers("led");
    TestProducer.write(first, "led", 2, "a", 100);
    BoundedRead read = new BoundedRead(topology, directory);
    String savepoint = read.stopMidway(200, 1);

    loseTheLeader("led");
    read.assertThatItFails(savepoint)
        .hasStackTraceContaining("primary a (log led-1: no progress at offset ")
        .hasStackTraceContaining(" of 50; its partition may have no leader");
  }

  @Test
  void aLogWithoutALeaderAtTheStartHoldsUpNoOtherAndIsReadOnceItHasOne() throws Exception {
    TopologyFile topology = twoBrokers("unled");
    List<String> written = TestProducer.write(first, "unled", 2, "a", 100);
    loseTheLeader("unled");
    UnionJob job = UnionFixture.start(topology, 1, directory);
    job.awaitExactly(ofPartition(0, written));

    second.restart();
    job.awaitExactly(written);
    job.cancel();
  }

  @Tag("long")
  @Test
  void aLogWithoutALeaderAtTheStartBeginsWhereTheOthersDoAlsoAfterARestore() throws Exception {
    TopologyFile topology = twoBrokers("unled-latest");
    TestProducer.write(first, "unled-latest", 2, "old", 20);
    loseTheLeader("unled-latest");
    UnionSourceBuilder<RawRecord> source =
        UnionFixture.source(topology).start(StartPosition.latest());
    UnionJob job = UnionFixture.start(topology, source, 1, directory);
    job.awaitSplits(1);
    List<String> read = new ArrayList<>(writeTo(0, "unled-latest", "first", 10));
    job.awaitExactly(read);
    String savepoint = job.stop();

    second.restart();
    read.addAll(writeTo(1, "unled-latest", "missed", 10));
    UnionJob restored = UnionJob.start(topology.stream(), source.build(), 1, directory, savepoint);
    restored.awaitExactly(read);
    restored.cancel();
  }

  @Test
  void aBoundedReadDoesNotEndBeforeALogThatHadNoLeaderAtTheStart() throws Exception {
    TopologyFile topology = twoBrokers("unled-bounded");
    List<String> written = TestProducer.write(first, "unled-bounded", 2, "a", 20);
    loseTheLeader("unled-bounded");
    UnionSourceBuilder<RawRecord> source =
        UnionFixture.source(topology).stop(StopPosition.latest());
    UnionJob job = UnionFixture.start(topology, source, 1, directory);
    job.awaitExactly(ofPartition(0, written));
    second.restart();
    job.awaitFinished();
    job.awaitExactly(written);
  }

  /** Of values that were written to two partitions in turn, those of one. */
  private static List<String> ofPartition(int partition, List<String> written) {
    List<String> its = new ArrayList<>();
    for (int i = partition; i < written.size(); i += 2) {
      its.add(written.get(i));
    }
    return its;
  }

  private static List<String> writeTo(int partition, String topic, String prefix, int count)
      throws Exception {
    List<String> values = new ArrayList<>();
    try (TestProducer producer = new TestProducer(first, Map.of())) {
      for (int i = 0; i < count; i++) {
        values.add(prefix + i);
        byte[] value = values.get(i).getBytes(UTF_8);
        producer.kafka().send(new ProducerRecord<>(topic, partition, null, value)).get();
      }
    }
    return values;
  }

  /** A document whose one primary has partition 0 on its first broker and 1 on its second. */
  private TopologyFile twoBrokers(String stream) throws Exception {
    try (Admin admin = first.admin()) {
      NewTopic topic = new NewTopic(stream, Map.of(0, List.of(1), 1, List.of(2)));
      admin.createTopics(List.of(topic)).all().get();
    }
    return new TopologyFile(directory, stream).primary("a", first.bootstrap()).publish();
  }

  /** Ends the broker that has partition 1, and waits until the cluster knows. */
  private static void loseTheLeader(String stream) throws Exception {
    second.kill();
    try (Admin admin = first.admin()) {
      Await.until(() -> isLeaderless(admin, stream), Duration.ofSeconds(60));
    }
  }

  private static boolean isLeaderless(Admin admin, String stream) throws Exception {
    Node leader =
        admin
            .describeTopics(List.of(stream))
            .allTopicNames()
            .get()
            .get(stream)
            .partitions()
            .get(1)
            .leader();
    return leader == null || leader.isEmpty();
  }
}
