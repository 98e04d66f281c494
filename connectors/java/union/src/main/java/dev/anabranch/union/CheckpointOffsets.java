package dev.anabranch.union;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Remembers the offsets of checkpoints until they complete, to commit them to a consumer group.
 * Nothing is ever restored from what is committed.
 */
final class CheckpointOffsets {
  private final TreeMap<Long, Map<String, Map<TopicPartition, OffsetAndMetadata>>> waiting =
      new TreeMap<>();

  /** Takes note of a snapshot. */
  void taken(long checkpointId, List<SplitState> splits) {
    Map<String, Map<TopicPartition, OffsetAndMetadata>> byPrimary = new HashMap<>();
    for (SplitState split : splits) {
      String primary = split.route();
      if (primary != null && split.parked().isEmpty()) {
        byPrimary
            .computeIfAbsent(primary, any -> new HashMap<>())
            .put(new TopicPartition(split.topic(), split.log().partition()), offset(split));
      }
    }
    waiting.put(checkpointId, byPrimary);
  }

  /** The offsets of a completed checkpoint by primary; older ones are forgotten. */
  Map<String, Map<TopicPartition, OffsetAndMetadata>> completed(long checkpointId) {
    Map<String, Map<TopicPartition, OffsetAndMetadata>> offsets = waiting.get(checkpointId);
    waiting.headMap(checkpointId, true).clear();
    return offsets == null ? Map.of() : offsets;
  }

  /** A checkpoint that failed will not complete. */
  void aborted(long checkpointId) {
    waiting.remove(checkpointId);
  }

  /** How many checkpoints have neither completed nor failed. */
  int waiting() {
    return waiting.size();
  }

  private static OffsetAndMetadata offset(SplitState split) {
    return UnionSplit.position(split.nextOffset(), split.leaderEpoch());
  }
}
