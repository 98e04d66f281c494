package dev.anabranch.prism;

import java.time.Duration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** A writer that waits longer than a checkpoint may take would hide its own, clear failure. */
public final class CheckpointLimits {
  private CheckpointLimits() {}

  /**
   * Throws {@link IllegalArgumentException} where a writer may wait as long as a checkpoint.
   *
   * @param option the name by which the user sets {@code maxBlock}
   */
  public static void check(
      String stream, String option, Duration maxBlock, StreamExecutionEnvironment environment) {
    if (!environment.getCheckpointConfig().isCheckpointingEnabled()) {
      return;
    }
    Duration timeout = Duration.ofMillis(environment.getCheckpointConfig().getCheckpointTimeout());
    if (maxBlock.compareTo(timeout) >= 0) {
      throw new IllegalArgumentException(
          "stream %s: %s (%d ms) must be less than execution.checkpointing.timeout (%d ms)"
              .formatted(stream, option, maxBlock.toMillis(), timeout.toMillis()));
    }
  }
}
