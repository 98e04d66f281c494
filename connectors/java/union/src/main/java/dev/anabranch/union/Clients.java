package dev.anabranch.union;

import dev.anabranch.topology.KafkaClientProperties;
import dev.anabranch.topology.Primary;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/** Makes the Kafka clients of the union source. */
final class Clients {
  /** How long one question to a primary may take; beyond it the primary counts as down. */
  static final Duration ANSWER_LIMIT = Duration.ofSeconds(5);

  // A hand-over for each 500 records, Kafka's default, costs. So do many: of each of ten primaries
  // three polls wait in the queue, and with 4000 a poll the garbage collector moved them all.
  private static final String MAX_POLL_RECORDS = "1000";

  private Clients() {}

  /** An admin client that gives up quietly: callers make a new one for each attempt. */
  static Admin admin(Primary primary, String clientId) {
    Properties properties = common(primary, clientId);
    String limit = Long.toString(ANSWER_LIMIT.toMillis());
    properties.setProperty("default.api.timeout.ms", limit);
    properties.setProperty("request.timeout.ms", limit);
    return Admin.create(properties);
  }

  /** A consumer without a group: positions are assigned, never looked up, never committed. */
  static KafkaConsumer<byte[], byte[]> consumer(
      Primary primary, String clientId, Map<String, String> overrides, MetadataWatch watch) {
    Properties properties = common(primary, clientId);
    properties.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    properties.setProperty(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, MAX_POLL_RECORDS);
    properties.putAll(overrides);
    properties.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    properties.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
    properties.setProperty(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false");
    return new KafkaConsumer<>(properties, watch, watch);
  }

  private static Properties common(Primary primary, String clientId) {
    Properties properties = KafkaClientProperties.of(primary);
    properties.setProperty(CommonClientConfigs.CLIENT_ID_CONFIG, clientId);
    // Rebootstrapping against a dead cluster logs hundreds of lines a second; clients are made anew
    // instead.
    properties.setProperty(CommonClientConfigs.METADATA_RECOVERY_STRATEGY_CONFIG, "none");
    properties.setProperty("enable.metrics.push", "false");
    return properties;
  }
}
