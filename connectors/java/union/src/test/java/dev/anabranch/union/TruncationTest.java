package dev.anabranch.union;

import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.util.FileUtils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * A log loses its end, as it does where a replica that was behind is elected: what a reader has
 * read is gone, and its offset lies within what was written since.
 */
class TruncationTest {
  @RegisterExtension static final UnionFixture FIXTURE = new UnionFixture();

  private static LocalBroker victim;

  @TempDir Path directory;

  @BeforeAll
  static void startVictim() {
    victim = LocalBroker.start("truncated");
  }

  @AfterAll
  static void stopVictim() {
    victim.close();
  }

  @Test
  void whatReplacedTheEndIsReadByAJobThatGoesOn() throws Exception {
    TopologyFile topology = victimAlone("running");
    List<String> written = new ArrayList<>(beforeTheCut("running"));
    UnionJob job = start(topology, null);
    written.addAll(TestProducer.write(victim, "running", 1, "gone", 10));
    job.awaitExactly(written);

    loseTheEnd("running");
    written.addAll(TestProducer.write(victim, "running", 1, "new", 30));
    written.add("TRUNCATED running-0 10..20");
    job.awaitExactly(written);
    job.cancel();
  }

  @Tag("long")
  @Test
  void whatReplacedTheEndIsReadByARestoredJob() throws Exception {
    TopologyFile topology = victimAlone("restored");
    List<String> written = new ArrayList<>(beforeTheCut("restored"));
    UnionJob job = start(topology, null);
    written.addAll(TestProducer.write(victim, "restored", 1, "gone", 10));
    job.awaitExactly(written);
    String savepoint = job.stop();

    loseTheEnd("restored");
    written.addAll(TestProducer.write(victim, "restored", 1, "new", 30));
    job = start(topology, savepoint);
    written.add("TRUNCATED restored-0 10..20");
    job.awaitExactly(written);
    job.cancel();
  }

  @Tag("long")
  @Test
  void aLogThatIsCutTwiceIsReadFromTheSecondCutThoughNothingWasReadBetween() throws Exception {
    TopologyFile topology = victimAlone("twice");
    List<String> written = new ArrayList<>(TestProducer.write(victim, "twice", 1, "first", 5));
    keep("twice", "five");
    written.addAll(TestProducer.write(victim, "twice", 1, "second", 5));
    keep("twice", "ten");
    written.addAll(TestProducer.write(victim, "twice", 1, "third", 10));
    UnionJob job = start(topology, null);
    job.awaitExactly(written);
    String savepoint = job.stop();

    goBack("twice", "ten");
    TestProducer.write(victim, "twice", 1, "unread", 30);
    job = start(topology, savepoint, OutOfRangePolicy.PARK);
    written.add("TRUNCATED twice-0 10..20");
    job.awaitExactly(written);
    savepoint = job.stop();

    goBack("twice", "five");
    written.addAll(TestProducer.write(victim, "twice", 1, "new", 30));
    job = start(topology, savepoint);
    written.add("TRUNCATED twice-0 5..10");
    job.awaitExactly(written);
    job.cancel();
  }

  @Test
  @Tag("long")
  void aBoundedReadWhoseEndIsGoneFailsAndSaysWhereItStands() throws Exception {
    TopologyFile topology = victimAlone("bounded");
    beforeTheCut("bounded");
    TestProducer.write(victim, "bounded", 1, "gone", 10);
    BoundedRead read = new BoundedRead(topology, directory);
    String savepoint = read.stopMidway(400, 12);

    loseTheEnd("bounded");
    read.assertThatItFails(savepoint)
        .hasStackTraceContaining("primary v (log bounded-0: no progress at offset 10 of 20;");
  }

  private TopologyFile victimAlone(String stream) throws Exception {
    victim.createTopic(stream, 1);
    return new TopologyFile(directory, stream).primary("v", victim.bootstrap()).publish();
  }

  /** Writes ten records, and keeps the log as it then is. */
  private List<String> beforeTheCut(String stream) throws Exception {
    List<String> written = TestProducer.write(victim, stream, 1, "kept", 10);
    keep(stream, "kept");
    return written;
  }

  private void loseTheEnd(String stream) throws Exception {
    goBack(stream, "kept");
  }

  private void keep(String stream, String name) throws Exception {
    victim.kill();
    copy(victim.log(stream, 0), directory.resolve(name));
    victim.restart();
  }

  private void goBack(String stream, String name) throws Exception {
    victim.kill();
    FileUtils.deleteDirectory(victim.log(stream, 0).toFile());
    copy(directory.resolve(name), victim.log(stream, 0));
    victim.restart();
  }

  private static void copy(Path from, Path to) throws Exception {
    FileUtils.copy(
        new org.apache.flink.core.fs.Path(from.toUri()),
        new org.apache.flink.core.fs.Path(to.toUri()),
        false);
  }

  private UnionJob start(TopologyFile topology, String savepoint) throws Exception {
    return start(topology, savepoint, OutOfRangePolicy.RESET);
  }

  private UnionJob start(TopologyFile topology, String savepoint, OutOfRangePolicy policy)
      throws Exception {
    return UnionJob.start(
        topology.stream(),
        UnionFixture.source(topology).outOfRange(policy).deserializer(new LossEmitter()).build(),
        1,
        directory,
        savepoint);
  }
}
