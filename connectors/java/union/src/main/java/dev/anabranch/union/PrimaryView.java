package dev.anabranch.union;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a primary showed of a stream at one moment.
 *
 * @param clusterId its Kafka cluster id
 * @param topic the name that was asked for
 * @param topicId that topic's id, or null where there is no such topic
 * @param partitions of that topic
 */
record PrimaryView(
    String clusterId, String topic, @Nullable String topicId, Set<Integer> partitions) {
  PrimaryView {
    partitions = Set.copyOf(partitions);
  }
}
