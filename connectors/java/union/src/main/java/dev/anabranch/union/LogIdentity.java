package dev.anabranch.union;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Which cluster and which topics a primary shows at one moment.
 *
 * @param clusterId the Kafka cluster id
 * @param topics by name; absent names have no topic
 */
record LogIdentity(String clusterId, Map<String, Topic> topics) {

  /** One topic's id and partitions. */
  record Topic(String id, Set<Integer> partitions) {}

  /** Asks without blocking. */
  static Question ask(Admin admin, Set<String> topics, long nowNanos) {
    return new Question(
        admin.describeCluster().clusterId(),
        admin.describeTopics(topics).topicNameValues(),
        nowNanos);
  }

  /** An answer that is on its way; costs the primary a few milliseconds. */
  record Question(
      KafkaFuture<String> clusterId,
      Map<String, KafkaFuture<TopicDescription>> topics,
      long askedNanos) {

    boolean isAnswered() {
      return clusterId.isDone() && topics.values().stream().allMatch(KafkaFuture::isDone);
    }

    /** Waits for the answer, for as long as a primary may take to answer. */
    LogIdentity answer() throws InterruptedException, ExecutionException, TimeoutException {
      Map<String, Topic> found = new HashMap<>();
      for (Map.Entry<String, KafkaFuture<TopicDescription>> each : topics.entrySet()) {
        try {
          TopicDescription topic = OffsetLookup.await(each.getValue());
          Set<Integer> partitions = new HashSet<>();
          topic.partitions().forEach(partition -> partitions.add(partition.partition()));
          found.put(each.getKey(), new Topic(topic.topicId().toString(), partitions));
        } catch (ExecutionException e) {
          if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) {
            throw e;
          }
        }
      }
      return new LogIdentity(OffsetLookup.await(clusterId), found);
    }
  }
}
