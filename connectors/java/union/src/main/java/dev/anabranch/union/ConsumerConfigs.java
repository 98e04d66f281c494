package dev.anabranch.union;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerConfig;

/** Which properties of the consumers below a union source are its own. */
final class ConsumerConfigs {
  private static final String POSITIONS =
      "positions are in the job's state; start(...) says where reading begins, and outOfRange(...)"
          + " what happens where records are gone";
  private static final String GROUP =
      "partitions are assigned by the source, never by a group; groupId(...) names the group of"
          + " committed offsets";
  private static final String BYTES = "the source takes bytes; deserializer(...) decodes them";
  private static final Map<String, String> RESERVED = reserved();

  private ConsumerConfigs() {}

  private static Map<String, String> reserved() {
    Map<String, String> reasons = new HashMap<>();
    reasons.put(
        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
        "the topology document says where the primaries are");
    reasons.put(ConsumerConfig.GROUP_ID_CONFIG, GROUP);
    reasons.put(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, GROUP);
    reasons.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, GROUP);
    reasons.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, POSITIONS);
    reasons.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, POSITIONS);
    reasons.put(
        ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG,
        "a reader that created a topic would hide that it is missing");
    reasons.put(
        ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG,
        "an interceptor could drop or change records, which nothing would report");
    reasons.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, BYTES);
    reasons.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, BYTES);
    return Map.copyOf(reasons);
  }

  /** Throws {@link IllegalArgumentException} for a property that must not be overridden. */
  static void check(Set<String> names) {
    for (String name : new TreeSet<>(names)) {
      String reason = RESERVED.get(name);
      if (reason != null) {
        throw new IllegalArgumentException(
            "consumer property '" + name + "' cannot be set: " + reason);
      }
    }
  }
}
