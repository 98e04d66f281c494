package dev.anabranch.prism;

import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.testkit.LocalBroker;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads whole topics. */
final class Logs {
  private Logs() {}

  /** Everything in a topic of a broker now, in the order of each partition. */
  static List<ConsumerRecord<byte[], byte[]>> read(LocalBroker broker, String topic) {
    List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
    Map<String, Object> config =
        Map.of("bootstrap.servers", broker.bootstrap(), "enable.auto.commit", "false");
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(info -> new TopicPartition(topic, info.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (!ends.entrySet().stream()
          .allMatch(e -> consumer.position(e.getKey()) >= e.getValue())) {
        consumer.poll(Duration.ofMillis(200)).forEach(all::add);
      }
    }
    return all;
  }

  static RecordId id(ConsumerRecord<byte[], byte[]> record) {
    return RecordId.fromBytes(record.headers().lastHeader(RecordHeaders.ID).value());
  }

  static RecordVersion version(ConsumerRecord<byte[], byte[]> record) {
    return RecordVersion.fromBytes(record.headers().lastHeader(RecordHeaders.VERSION).value());
  }

  static boolean isDelete(ConsumerRecord<byte[], byte[]> record) {
    Header op = record.headers().lastHeader(RecordHeaders.OP);
    return op != null && op.value()[0] == RecordHeaders.OP_DELETE;
  }

  static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
