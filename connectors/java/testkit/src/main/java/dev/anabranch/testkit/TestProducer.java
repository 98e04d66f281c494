package dev.anabranch.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes plain records to one broker and waits for their acknowledgement. */
public final class TestProducer implements AutoCloseable {
  private static final long NOW = -1;

  private final KafkaProducer<byte[], byte[]> producer;

  /** Opens a producer; {@code properties} are added to those that it needs. */
  public TestProducer(LocalBroker broker, Map<String, Object> properties) {
    Map<String, Object> all = new java.util.HashMap<>(properties);
    all.put("bootstrap.servers", broker.bootstrap());
    all.put("acks", "all");
    this.producer = new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /**
   * Writes {@code count} values {@code prefix0}, {@code prefix1}, … over all partitions of a topic,
   * in turn, and returns them.
   */
  public static List<String> write(
      LocalBroker broker, String topic, int partitions, String prefix, int count) {
    try (TestProducer producer = new TestProducer(broker, Map.of())) {
      return producer.write(topic, partitions, prefix, count);
    }
  }

  /** As the static one, with this producer. */
  public List<String> write(String topic, int partitions, String prefix, int count) {
    return write(topic, partitions, prefix, count, NOW, 0);
  }

  /**
   * The same with create times of the caller's.
   *
   * @param firstMs of the first record, Unix milliseconds
   * @param stepMs by which each is later than the one before
   */
  public List<String> write(
      String topic, int partitions, String prefix, int count, long firstMs, long stepMs) {
    List<String> values = new ArrayList<>(count);
    List<Future<RecordMetadata>> acknowledgements = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      String value = prefix + i;
      values.add(value);
      acknowledgements.add(
          producer.send(
              new ProducerRecord<>(
                  topic,
                  i % partitions,
                  firstMs == NOW ? null : firstMs + i * stepMs,
                  null,
                  value.getBytes(UTF_8))));
    }
    for (Future<RecordMetadata> each : acknowledgements) {
      await(each);
    }
    return values;
  }

  /** The Kafka producer itself. */
  public KafkaProducer<byte[], byte[]> kafka() {
    return producer;
  }

  private static void await(Future<RecordMetadata> acknowledgement) {
    try {
      acknowledgement.get();
    } catch (Exception e) {
      throw new IllegalStateException("a record was not acknowledged", e);
    }
  }

  @Override
  public void close() {
    producer.close();
  }
}
