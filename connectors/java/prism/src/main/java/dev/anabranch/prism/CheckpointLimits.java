package dev.anabranch.prism;

import java.time.Duration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** A writer that waits longer than a checkpoint may take would hide its own, clear failure. */
final class CheckpointLimits {
  private CheckpointLimits() {}

  static void check(String stream, PrismOptions options, StreamExecutionEnvironment environment) {
    if (!environment.getCheckpointConfig().isCheckpointingEnabled()) {
      return;
    }
    Duration timeout = Duration.ofMillis(environment.getCheckpointConfig().getCheckpointTimeout());
    if (options.maxBlock().compareTo(timeout) >= 0) {
      throw new IllegalArgumentException(
          "stream "
              + stream
              + ": max-block ("
              + options.maxBlock().toMillis()
              + " ms) must be less than execution.checkpointing.timeout ("
              + timeout.toMillis()
              + " ms)");
    }
  }
}
