package dev.anabranch.union;

import java.io.Serializable;

/**
 * Names one log for good: one partition of one topic of one Kafka cluster. A wiped cluster comes
 * back with another cluster id and a re-created topic with another topic id, so neither is ever
 * taken for the log that was read before.
 */
public record LogId(String clusterId, String topicId, int partition) implements Serializable {
  /** The id of the split that reads this log. */
  public String splitId() {
    return clusterId + "/" + topicId + "/" + partition;
  }

  @Override
  public String toString() {
    return splitId();
  }
}
