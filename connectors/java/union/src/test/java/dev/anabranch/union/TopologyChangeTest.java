package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LoggedText;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The document, and what the primaries have, change while a job reads. */
class TopologyChangeTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  @TempDir Path directory;

  @Test
  void badDocumentsChangeNothing() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "bad-documents", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 50);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);

    try (LoggedText log = new LoggedText()) {
      int told = 0;
      for (String text :
          new String[] {"", "generation: 9", "groups: [", "generation: 9\ngroups: {}"}) {
        topology.write(text);
        int before = told;
        // By the enumerator, which hands on to readers what is good.
        Await.until(() -> refused(log) > before, Duration.ofSeconds(60));
        told = refused(log);
        written.addAll(FIXTURE.writeToBoth(topology, 2, text + ":", 20));
        job.awaitExactly(written);
      }
      topology.primary("c", FIXTURE.b().bootstrap()).publish();
      Await.until(
          () -> log.soFar().contains("primaries.c.bootstrap: shares an address with primary 'b'"),
          Duration.ofSeconds(60));
      written.addAll(FIXTURE.writeToBoth(topology, 2, "two-names-", 20));
      job.awaitExactly(written);
    }
    job.cancel();
  }

  private static int refused(LoggedText log) {
    return log.soFar().split(" stays at generation 1: ", -1).length - 1;
  }

  @Test
  void aRemovedPrimaryIsLeftAloneAndGoesOnWhereItStoodWhenItIsBack() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "removed", 2);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(FIXTURE.b(), "removed", 2, "b", 50));
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);

    topology.removed("b", FIXTURE.b().bootstrap()).publish();
    job.awaitParked("b");
    // A poll that was on its way may still bring records; a primary without connections cannot.
    Await.until(() -> FIXTURE.b().connections() == 0, Duration.ofSeconds(60));
    List<String> meanwhile = TestProducer.write(FIXTURE.b(), "removed", 2, "meanwhile", 50);
    written.addAll(TestProducer.write(FIXTURE.a(), "removed", 2, "a", 50));
    job.awaitExactly(written);

    topology.primary("b", FIXTURE.b().bootstrap()).publish();
    written.addAll(meanwhile);
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aPrimaryThatIsRemovedOverARestoreGoesOnWhereItStoodWhenItIsBack() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "removed-over-restore", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 50);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);
    String savepoint = job.stop();

    // Without a trace first, then with a tombstone: neither may make the state forget.
    topology.without("b").publish();
    job = restore(topology, 1, savepoint);
    written.addAll(TestProducer.write(FIXTURE.a(), topology.stream(), 2, "without-b", 50));
    List<String> unread = TestProducer.write(FIXTURE.b(), topology.stream(), 2, "unread", 50);
    job.awaitExactly(written);
    savepoint = job.stop();

    topology.removed("b", FIXTURE.b().bootstrap()).publish();
    job = restore(topology, 2, savepoint);
    written.addAll(TestProducer.write(FIXTURE.a(), topology.stream(), 2, "tombstone", 50));
    job.awaitExactly(written);
    job.awaitParked("b");
    savepoint = job.stop();

    topology.primary("b", FIXTURE.b().bootstrap()).publish();
    job = restore(topology, 2, savepoint);
    written.addAll(unread);
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aPrimaryThatIsRemovedBeforeASavepointGoesOnWhenItIsAddedAfterTheRestore() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "removed-before-savepoint", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 50);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);
    topology.removed("b", FIXTURE.b().bootstrap()).publish();
    job.awaitParked("b");
    // As above: what was on its way must not be taken for what comes later.
    Await.until(() -> FIXTURE.b().connections() == 0, Duration.ofSeconds(60));
    List<String> unread = TestProducer.write(FIXTURE.b(), topology.stream(), 2, "unread", 50);
    String savepoint = job.stop();

    job = restore(topology, 1, savepoint);
    written.addAll(TestProducer.write(FIXTURE.a(), topology.stream(), 2, "restored", 50));
    job.awaitExactly(written);
    job.awaitParked("b");

    topology.primary("b", FIXTURE.b().bootstrap()).publish();
    written.addAll(unread);
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aRestoreNeedsNoPublisher() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "no-publisher", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 50);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);
    String savepoint = job.stop();

    topology.withdraw();
    job = restore(topology, 2, savepoint);
    written.addAll(FIXTURE.writeToBoth(topology, 2, "later-", 50));
    job.awaitExactly(written);

    // Once it is there again it is followed.
    topology.removed("b", FIXTURE.b().bootstrap()).publish();
    job.awaitParked("b");
    job.cancel();
  }

  @Test
  @Tag("long")
  void aRestoreNeedsNoTopologyService() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "service", 2);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 50);
    TopologyService service = new TopologyService(topology, 0);
    UnionSource<RawRecord> source =
        UnionFixture.source(topology).topology(service.location()).build();
    UnionJob job = UnionJob.start("service", source, 2, directory, null);
    job.awaitExactly(written);
    String savepoint = job.stop();

    service.close();
    job = UnionJob.start("service", source, 2, directory, savepoint);
    written.addAll(FIXTURE.writeToBoth(topology, 2, "refused-", 50));
    job.awaitExactly(written);

    topology.removed("b", FIXTURE.b().bootstrap()).publish();
    try (TopologyService again = new TopologyService(topology, service.port())) {
      again.fail();
      savepoint = job.stop();
      job = UnionJob.start("service", source, 1, directory, savepoint);
      written.addAll(FIXTURE.writeToBoth(topology, 2, "status-500-", 50));
      job.awaitExactly(written);
      again.answer();
      job.awaitParked("b");
    }
    job.cancel();
  }

  @Test
  void anOlderDocumentAndAnotherOneOfTheSameNumberAreIgnoredAndTold() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "older", 2).publishAs(7);
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 50);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);
    String older = "Generation 6 of the topology is ignored: the job knows generation 7";
    String same = "something else of stream older than the generation 7 that the job knows";
    try (LoggedText log = new LoggedText()) {
      topology.removed("b", FIXTURE.b().bootstrap());
      topology.publishAs(6);
      written.addAll(FIXTURE.writeToBoth(topology, 2, "running-", 50));
      job.awaitExactly(written);
      String savepoint = job.stop();
      job = restore(topology, 2, savepoint);
      written.addAll(FIXTURE.writeToBoth(topology, 2, "restored-", 50));
      job.awaitExactly(written);
      assertThat(log.soFar()).contains(older).doesNotContain(same);
      savepoint = job.stop();

      topology.publishAs(7);
      job = restore(topology, 2, savepoint);
      written.addAll(FIXTURE.writeToBoth(topology, 2, "again-", 50));
      job.awaitExactly(written);
      assertThat(log.soFar()).contains(same);
    }
    topology.publishAs(8);
    job.awaitParked("b");
    job.cancel();
  }

  private UnionJob restore(TopologyFile topology, int parallelism, String savepoint)
      throws Exception {
    UnionSource<RawRecord> source = UnionFixture.source(topology).build();
    return UnionJob.start(topology.stream(), source, parallelism, directory, savepoint);
  }

  @Test
  void aWrongAddressIsFollowedWhenItIsCorrected() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "address", 2);
    topology.primary("b", "no-such-host.invalid:9092").publish();
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(FIXTURE.a(), "address", 2, "a", 50));
    List<String> onB = TestProducer.write(FIXTURE.b(), "address", 2, "b", 50);
    UnionJob job = UnionFixture.start(topology, 2, directory);
    job.awaitExactly(written);

    topology.primary("b", FIXTURE.b().bootstrap()).publish();
    written.addAll(onB);
    job.awaitExactly(written);

    topology.primary("b", FIXTURE.b().link().bootstrap()).publish();
    // Nobody is left at the address before, so that what comes next comes by the new one.
    Await.until(() -> FIXTURE.b().connections() == 0, Duration.ofSeconds(60));
    written.addAll(TestProducer.write(FIXTURE.b(), "address", 2, "again", 50));
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void aRenamedPrimaryIsNotReadAgainAndANewOneIsReadFromItsStart() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "renamed", 2);
    List<String> written = new ArrayList<>();
    topology.without("b").publish();
    TestProducer.write(FIXTURE.a(), "renamed", 2, "before-start", 50);
    UnionJob job =
        UnionFixture.start(
            topology, UnionFixture.source(topology).start(StartPosition.latest()), 2, directory);
    job.awaitSplits(2);
    written.addAll(TestProducer.write(FIXTURE.a(), "renamed", 2, "a", 50));
    job.awaitExactly(written);

    written.addAll(TestProducer.write(FIXTURE.b(), "renamed", 2, "b", 50));
    topology.removed("a", "127.0.0.1:1").primary("c", FIXTURE.a().bootstrap());
    topology.primary("b", FIXTURE.b().bootstrap()).publish();
    written.addAll(TestProducer.write(FIXTURE.a(), "renamed", 2, "as-c", 50));
    job.awaitExactly(written);
    String savepoint = job.stop();

    written.addAll(TestProducer.write(FIXTURE.a(), "renamed", 2, "unread", 50));
    topology.removed("c", "127.0.0.1:2").primary("d", FIXTURE.a().bootstrap()).publish();
    job = restore(topology, 2, savepoint);
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void twoNamesForOneClusterAreReadOnceAlsoToAnEnd() throws Exception {
    TopologyFile topology = FIXTURE.twoPrimaries(directory, "twins", 2);
    topology.primary("c", FIXTURE.b().link().bootstrap()).publish();
    List<String> written = FIXTURE.writeToBoth(topology, 2, "", 100);
    UnionJob job =
        UnionFixture.start(
            topology, UnionFixture.source(topology).stop(StopPosition.latest()), 2, directory);
    job.awaitFinished();
    job.awaitExactly(written);

    String told = "primaries b and c are one Kafka cluster";
    try (LoggedText log = new LoggedText()) {
      job = UnionFixture.start(topology, 2, directory);
      job.awaitExactly(written);
      // Seen when the second of them is asked again.
      Await.until(() -> log.soFar().contains(told), Duration.ofSeconds(60));
      assertThat(log.soFar()).containsOnlyOnce(told);
    }
    // It goes on under the name that is left.
    topology.removed("b", FIXTURE.b().bootstrap()).publish();
    written.addAll(FIXTURE.writeToBoth(topology, 2, "later-", 100));
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  void newPartitionsAndTopicsAreReadFromTheirStart() throws Exception {
    FIXTURE.a().createTopic("growing", 1);
    TopologyFile topology =
        new TopologyFile(directory, "growing")
            .primary("a", FIXTURE.a().bootstrap())
            .primary("b", FIXTURE.b().bootstrap())
            .publish();
    TestProducer.write(FIXTURE.a(), "growing", 1, "before-start", 20);
    UnionJob job =
        UnionFixture.start(
            topology, UnionFixture.source(topology).start(StartPosition.latest()), 2, directory);
    job.awaitSplits(1);
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(FIXTURE.a(), "growing", 1, "a", 20));
    job.awaitExactly(written);

    FIXTURE.b().createTopic("growing", 2);
    written.addAll(TestProducer.write(FIXTURE.b(), "growing", 2, "b", 20));
    try (Admin admin = FIXTURE.a().admin()) {
      admin.createPartitions(Map.of("growing", NewPartitions.increaseTo(3))).all().get();
    }
    written.addAll(TestProducer.write(FIXTURE.a(), "growing", 3, "wider", 30));
    job.awaitExactly(written);
    assertThat(job.count("foreignRecords")).as("without ids of ours").isEqualTo(written.size());
    job.cancel();
  }
}
