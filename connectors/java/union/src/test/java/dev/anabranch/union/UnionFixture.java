package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import dev.anabranch.testkit.LocalBroker;
import dev.anabranch.testkit.TestProducer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.testutils.InMemoryReporter;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.util.TestStreamEnvironment;
import org.apache.flink.test.util.MiniClusterWithClientResource;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;

/**
 * Two brokers and a Flink cluster, started once for all test classes of a run. Tests share them, so
 * each uses a stream of its own and leaves both brokers running.
 */
final class UnionFixture implements BeforeAllCallback {
  private static final int SLOTS = 4;

  private static Shared shared;

  /** What is started once. */
  private static final class Shared implements AutoCloseable {
    private final LocalBroker a = LocalBroker.start("a");
    private final LocalBroker b = LocalBroker.start("b");
    private final InMemoryReporter reporter = InMemoryReporter.createWithRetainedMetrics();
    private final MiniClusterWithClientResource flink;

    Shared() throws Exception {
      Configuration configuration = new Configuration();
      reporter.addToConfiguration(configuration);
      flink =
          new MiniClusterWithClientResource(
              new MiniClusterResourceConfiguration.Builder()
                  .setConfiguration(configuration)
                  .setNumberTaskManagers(1)
                  .setNumberSlotsPerTaskManager(SLOTS)
                  .build());
      flink.before();
    }

    @Override
    public void close() {
      flink.after();
      a.close();
      b.close();
    }
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    shared =
        context
            .getRoot()
            .getStore(Namespace.create(UnionFixture.class))
            .getOrComputeIfAbsent(
                Shared.class,
                key -> {
                  try {
                    return new Shared();
                  } catch (Exception e) {
                    throw new IllegalStateException(e);
                  }
                },
                Shared.class);
  }

  LocalBroker a() {
    return shared.a;
  }

  LocalBroker b() {
    return shared.b;
  }

  /** An environment that submits to the shared Flink cluster. */
  static StreamExecutionEnvironment environment(Configuration configuration, int parallelism) {
    return new TestStreamEnvironment(
        shared.flink.getMiniCluster(), configuration, parallelism, List.of(), List.of());
  }

  /** All metrics of the shared Flink cluster. */
  static InMemoryReporter metrics() {
    return shared.reporter;
  }

  /** A document with both primaries; the stream's topic is created on both. */
  TopologyFile twoPrimaries(Path directory, String stream, int partitions) throws Exception {
    a().createTopic(stream, partitions);
    b().createTopic(stream, partitions);
    return new TopologyFile(directory, stream)
        .primary("a", a().bootstrap())
        .primary("b", b().bootstrap())
        .publish();
  }

  /** The same, but that b is reached by its link. */
  TopologyFile bBehindItsLink(Path directory, String stream, int partitions) throws Exception {
    return twoPrimaries(directory, stream, partitions)
        .primary("b", b().link().bootstrap())
        .publish();
  }

  /** Writes {@code count} values to each primary, and returns them. */
  List<String> writeToBoth(TopologyFile topology, int partitions, String prefix, int count) {
    String stream = topology.stream();
    List<String> written = new ArrayList<>();
    written.addAll(TestProducer.write(a(), stream, partitions, prefix + "a", count));
    written.addAll(TestProducer.write(b(), stream, partitions, prefix + "b", count));
    return written;
  }

  /** Starts a job, named as the stream, that reads it from its start. */
  static UnionJob start(TopologyFile topology, int parallelism, Path directory) throws Exception {
    return start(topology, source(topology), parallelism, directory);
  }

  /** The same, with a source of the test's own. */
  static UnionJob start(
      TopologyFile topology, UnionSourceBuilder<RawRecord> source, int parallelism, Path directory)
      throws Exception {
    return UnionJob.start(topology.stream(), source.build(), parallelism, directory, null);
  }

  /** A source that notices changes quickly. */
  static UnionSourceBuilder<RawRecord> source(TopologyFile topology) {
    return UnionSource.builder().topology(topology.location()).stream(topology.stream())
        .topologyInterval(Duration.ofMillis(200))
        .discoveryInterval(Duration.ofMillis(300))
        .deserializer(RecordDeserializer.raw());
  }
}
