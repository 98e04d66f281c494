package dev.anabranch.prism;

import dev.anabranch.topology.KafkaClientProperties;
import dev.anabranch.topology.Primary;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.ProducerConfig;

/** The settings of the producers below a Prism. */
final class ProducerConfigs {
  /** At 150 bytes a record and lz4 this is one request of a few thousand records. */
  static final int BATCH_BYTES = 256 << 10;

  private static final AtomicLong CLIENTS = new AtomicLong();

  private ProducerConfigs() {}

  /** Resolves the primary's secrets anew each time. */
  static Properties of(String name, Primary primary, int partitions, PrismOptions options) {
    Properties config = KafkaClientProperties.of(primary);
    config.put(ProducerConfig.CLIENT_ID_CONFIG, "prism-" + name + "-" + CLIENTS.incrementAndGet());
    config.put(ProducerConfig.ACKS_CONFIG, "all");
    config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
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
    return config;
  }
}
