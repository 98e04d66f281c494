package dev.anabranch.prism;

import dev.anabranch.topology.KafkaClientProperties;
import dev.anabranch.topology.Primary;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.ProducerConfig;

/** The settings of the producers below a Prism. */
final class ProducerConfigs {
  /** At 150 bytes a record and lz4 this is one request of a few thousand records. */
  static final int BATCH_BYTES = 256 << 10;

  private static final AtomicLong CLIENTS = new AtomicLong();
  private static final String DURABILITY =
      "a record is only done when it is safe, and in order, on its primary";
  private static final String BYTES = "Prism hands bytes to its producers";

  /** Properties on which Prism's promises rest, with the reason. */
  private static final Map<String, String> RESERVED =
      Map.of(
          ProducerConfig.ACKS_CONFIG,
          DURABILITY,
          ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
          DURABILITY,
          ProducerConfig.INTERCEPTOR_CLASSES_CONFIG,
          "the headers of a record that is being sent are read-only, and an interceptor may add some",
          ProducerConfig.TRANSACTIONAL_ID_CONFIG,
          "a transaction cannot span primaries",
          ProducerConfig.MAX_BLOCK_MS_CONFIG,
          "a send must never block the task's thread; max-block is Prism's own bound",
          ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
          "the topology document says where the primaries are",
          ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG,
          BYTES,
          ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
          BYTES);

  private ProducerConfigs() {}

  /** Throws {@link IllegalArgumentException} for a property that must not be overridden. */
  static void check(Set<String> names) {
    for (String name : new TreeSet<>(names)) {
      String reason = RESERVED.get(name);
      if (reason != null) {
        throw new IllegalArgumentException(
            "producer property '" + name + "' cannot be set: " + reason);
      }
    }
  }

  /** Resolves the primary's secrets anew each time. */
  static Properties of(String name, Primary primary, int partitions, PrismOptions options) {
    Properties config = KafkaClientProperties.of(primary);
    config.put(ProducerConfig.CLIENT_ID_CONFIG, "prism-" + name + "-" + CLIENTS.incrementAndGet());
    config.put(ProducerConfig.ACKS_CONFIG, "all");
    config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, primary.idempotence());
    // Never wait in send(): a missing topic or a full buffer is the engine's business.
    config.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 0);
    config.put(ProducerConfig.METADATA_MAX_IDLE_CONFIG, Long.MAX_VALUE);
    config.put(ProducerConfig.LINGER_MS_CONFIG, 10);
    config.put(ProducerConfig.BATCH_SIZE_CONFIG, BATCH_BYTES);
    config.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, "lz4");
    // Twice what may be in flight, and one open batch per partition; allocated as it is needed.
    config.put(
        ProducerConfig.BUFFER_MEMORY_CONFIG,
        2 * (options.maxInFlightBytes() + (long) partitions * BATCH_BYTES));
    // Short, because a dead connection is only noticed so, and what is given up is sent elsewhere.
    config.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 5_000);
    config.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 15_000);
    config.put(ProducerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, 500L);
    config.put(ProducerConfig.RETRY_BACKOFF_MAX_MS_CONFIG, 500L);
    config.put(ProducerConfig.SOCKET_CONNECTION_SETUP_TIMEOUT_MS_CONFIG, 3_000L);
    config.put(ProducerConfig.ENABLE_METRICS_PUSH_CONFIG, false);
    config.put(ProducerConfig.METRIC_REPORTER_CLASSES_CONFIG, "");
    config.putAll(options.kafka());
    if (!primary.idempotence()) {
      // Else a batch that is repeated would come after those that were sent behind it.
      config.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, 1);
    }
    return config;
  }
}
