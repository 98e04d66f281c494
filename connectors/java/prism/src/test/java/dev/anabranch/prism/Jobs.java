package dev.anabranch.prism;

import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.runtime.testutils.InMemoryReporter;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;

/** Flink as the tests of the sink want it. */
final class Jobs {
  private Jobs() {}

  /** A cluster with two slots. */
  static MiniClusterExtension cluster() {
    return cluster(new Configuration());
  }

  /** One that tells its metrics. */
  static MiniClusterExtension cluster(InMemoryReporter reporter) {
    Configuration configuration = new Configuration();
    reporter.addToConfiguration(configuration);
    return cluster(configuration);
  }

  private static MiniClusterExtension cluster(Configuration configuration) {
    return new MiniClusterExtension(
        new MiniClusterResourceConfiguration.Builder()
            .setConfiguration(configuration)
            .setNumberTaskManagers(1)
            .setNumberSlotsPerTaskManager(2)
            .build());
  }

  /** Parallelism 2, a checkpoint every 200 ms, and a failure ends the job. */
  static StreamExecutionEnvironment environment(Path folder) {
    Configuration config = new Configuration();
    config.set(
        CheckpointingOptions.CHECKPOINTS_DIRECTORY, folder.resolve("chk").toUri().toString());
    config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(200));
    config.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
    StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(config);
    env.setParallelism(2);
    return env;
  }

  /** Restores from the last checkpoint, up to three times. */
  static void restartAtOnce(StreamExecutionEnvironment env) {
    Configuration config = new Configuration();
    config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
    config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
    config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(100));
    env.configure(config);
  }
}
