package dev.anabranch.prism;

import dev.anabranch.testkit.LocalBroker;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.quota.ClientQuotaFilter;

/** What somebody who asks a broker at this moment finds. */
final class Reach {
  private Reach() {}

  /** Whether anything is answered at that address within that time. */
  static boolean answers(String bootstrap, Duration limit) throws Exception {
    int limitMs = (int) limit.toMillis();
    Map<String, Object> config =
        Map.of(
            "bootstrap.servers", bootstrap,
            "default.api.timeout.ms", limitMs,
            "request.timeout.ms", limitMs,
            "metadata.recovery.strategy", "none");
    try (Admin admin = Admin.create(config)) {
      admin.describeCluster().nodes().get();
      return true;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TimeoutException) {
        return false;
      }
      throw e;
    }
  }

  /** Whether it has the topic. */
  static boolean hasTopic(LocalBroker broker, String topic) throws Exception {
    try (Admin admin = broker.admin()) {
      admin.describeTopics(List.of(topic)).allTopicNames().get();
      return true;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        return false;
      }
      throw e;
    }
  }

  /** Whether it lets everybody write to the topic. */
  static boolean mayWrite(LocalBroker broker, String topic) throws Exception {
    DescribeTopicsOptions options = new DescribeTopicsOptions().includeAuthorizedOperations(true);
    try (Admin admin = broker.admin()) {
      TopicDescription found =
          admin.describeTopics(List.of(topic), options).allTopicNames().get().get(topic);
      Set<AclOperation> allowed = found.authorizedOperations();
      return allowed != null && allowed.contains(AclOperation.WRITE);
    }
  }

  /** How large a batch of the topic it takes. */
  static int maxBatchBytes(LocalBroker broker, String topic) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    try (Admin admin = broker.admin()) {
      return Integer.parseInt(
          admin
              .describeConfigs(List.of(resource))
              .all()
              .get()
              .get(resource)
              .get("max.message.bytes")
              .value());
    }
  }

  /** Whether it bounds what a producer writes in a second. */
  static boolean throttles(LocalBroker broker) throws Exception {
    try (Admin admin = broker.admin()) {
      return admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get().values().stream()
          .anyMatch(quotas -> quotas.containsKey("producer_byte_rate"));
    }
  }
}
