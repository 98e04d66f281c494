package dev.anabranch.union;

import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.util.FileUtils;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
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

  private TopologyFile victimAlone(String stream) throws Exception {
    victim.createTopic(stream, 1);
    return new TopologyFile(directory, stream).primary("v", victim.bootstrap()).publish();
  }

  /** Writes ten records, and keeps the log as it then is. */
  private List<String> beforeTheCut(String stream) throws Exception {
    List<String> written = TestProducer.write(victim, stream, 1, "kept", 10);
    victim.kill();
    copy(victim.log(stream, 0), kept());
    victim.restart();
    return written;
  }

  private void loseTheEnd(String stream) throws Exception {
    victim.kill();
    FileUtils.deleteDirectory(victim.log(stream, 0).toFile());
    copy(kept(), victim.log(stream, 0));
    victim.restart();
  }

  private Path kept() {
    return directory.resolve("kept");
  }

  private static void copy(Path from, Path to) throws Exception {
    FileUtils.copy(
        new org.apache.flink.core.fs.Path(from.toUri()),
        new org.apache.flink.core.fs.Path(to.toUri()),
        false);
  }

  private UnionJob start(TopologyFile topology, String savepoint) throws Exception {
    return UnionJob.start(
        topology.stream(),
        UnionFixture.source(topology)
            .outOfRange(OutOfRangePolicy.RESET)
            .deserializer(new LossEmitter())
            .build(),
        1,
        directory,
        savepoint);
  }
}
