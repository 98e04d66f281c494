package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Reading two healthy primaries, from the start, over a restore, to an end. */
class UnionSourceTest {
  @RegisterExtension
  static final MiniClusterExtension FLINK =
      new MiniClusterExtension(
          new MiniClusterResourceConfiguration.Builder()
              .setNumberTaskManagers(1)
              .setNumberSlotsPerTaskManager(3)
              .build());

  private static LocalBroker a;
  private static LocalBroker b;

  @TempDir Path directory;

  @BeforeAll
  static void startBrokers() {
    a = LocalBroker.start("a");
    b = LocalBroker.start("b");
  }

  @AfterAll
  static void stopBrokers() {
    a.close();
    b.close();
  }

  @Test
  void readsAllPrimariesAndGoesOnFromASavepoint() throws Exception {
    TopologyFile topology = twoPrimaries("logs");
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(a, "logs", 4, "a", 500));
    written.addAll(TestProducer.write(b, "logs", 4, "b", 500));
    UnionSource<RawRecord> source = source(topology, "logs").build();

    UnionJob job = UnionJob.start("savepoint", source, 2, directory, null);
    job.awaitExactly(written);
    String savepoint = job.stop();
    written.addAll(TestProducer.write(a, "logs", 4, "later-a", 300));
    written.addAll(TestProducer.write(b, "logs", 4, "later-b", 300));

    UnionJob restored = UnionJob.start("savepoint", source, 2, directory, savepoint);
    restored.awaitExactly(written);
    restored.cancel();
  }

  @Test
  void aBoundedJobReadsToTheEndsAndFinishes() throws Exception {
    TopologyFile topology = twoPrimaries("bounded");
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(a, "bounded", 4, "a", 200));
    written.addAll(TestProducer.write(b, "bounded", 2, "b", 200));

    UnionJob job =
        UnionJob.start(
            "bounded",
            source(topology, "bounded").stop(StopPosition.latest()).build(),
            3,
            directory,
            null);
    job.awaitFinished();
    job.awaitExactly(written);
  }

  private TopologyFile twoPrimaries(String stream) throws Exception {
    a.createTopic(stream, 4);
    b.createTopic(stream, 4);
    return new TopologyFile(directory, stream)
        .primary("a", a.bootstrap())
        .primary("b", b.bootstrap())
        .publish();
  }

  private static UnionSourceBuilder<RawRecord> source(TopologyFile topology, String stream) {
    return UnionSource.builder().topology(topology.location()).stream(stream)
        .topologyInterval(Duration.ofMillis(200))
        .discoveryInterval(Duration.ofMillis(500))
        .deserializer(RecordDeserializer.raw());
  }
}
