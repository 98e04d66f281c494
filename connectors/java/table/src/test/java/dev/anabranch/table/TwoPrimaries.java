package dev.anabranch.table;

import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.LocalBroker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.util.FileUtils;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/** Two brokers with the streams of a test, and their topology document. */
final class TwoPrimaries implements AutoCloseable {
  private static final int PARTITIONS = 2;

  private final LocalBroker a;
  private final LocalBroker b;
  private final Path directory;
  private final Map<String, Integer> copies = new LinkedHashMap<>();

  TwoPrimaries() throws IOException {
    this.directory = Files.createTempDirectory("anabranch-topology-");
    CompletableFuture<LocalBroker> first =
        CompletableFuture.supplyAsync(() -> LocalBroker.start("a"));
    this.b = LocalBroker.start("b");
    this.a = first.join();
  }

  /** A new stream of 2 partitions a primary, whose topic takes records of up to 8 MiB. */
  String stream(String name) {
    return stream(name, 1);
  }

  /** The same, each of whose records is to be on so many primaries. */
  String stream(String name, int copiesWanted) {
    for (LocalBroker broker : List.of(a, b)) {
      broker.createTopic(name, PARTITIONS);
    }
    copies.put(name, copiesWanted);
    writeTopology();
    return name;
  }

  String topology() {
    return directory.resolve("topology.yaml").toString();
  }

  LocalBroker a() {
    return a;
  }

  LocalBroker b() {
    return b;
  }

  /** Writes one record past Prism, as a foreign producer would, and returns its offset. */
  long produce(LocalBroker broker, String topic, byte @Nullable [] key, byte @Nullable [] value) {
    Map<String, Object> config =
        Map.of("bootstrap.servers", broker.bootstrap(), "max.request.size", 8 << 20);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      return producer.send(new ProducerRecord<>(topic, 0, key, value)).get().offset();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  /** All records of a topic on both primaries, one of each id: a hedge may have left a second. */
  Collection<ConsumerRecord<byte[], byte[]>> distinct(String topic) {
    Map<RecordId, ConsumerRecord<byte[], byte[]>> byId = new LinkedHashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : read(topic)) {
      byte[] id = record.headers().lastHeader(RecordHeaders.ID).value();
      byId.putIfAbsent(RecordId.fromBytes(id), record);
    }
    return byId.values();
  }

  /** All records of a topic on both primaries. */
  List<ConsumerRecord<byte[], byte[]>> read(String topic) {
    List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
    all.addAll(read(a, topic));
    all.addAll(read(b, topic));
    return all;
  }

  /** All records of a topic on one primary. */
  List<ConsumerRecord<byte[], byte[]>> read(LocalBroker broker, String topic) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    Map<String, Object> config =
        Map.of("bootstrap.servers", broker.bootstrap(), "auto.offset.reset", "earliest");
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
      consumer.assign(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        consumer.poll(Duration.ofMillis(200)).forEach(records::add);
      }
    }
    return records;
  }

  @Override
  public void close() {
    a.close();
    b.close();
    try {
      FileUtils.deleteDirectory(directory.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void writeTopology() {
    StringBuilder yaml = new StringBuilder("generation: " + copies.size() + "\n");
    yaml.append("groups:\n  test:\n    primaries:\n");
    for (LocalBroker broker : List.of(a, b)) {
      yaml.append("      %s: {bootstrap: [\"%s\"]}\n".formatted(broker.name(), broker.bootstrap()));
    }
    yaml.append("    streams:\n");
    copies.forEach(
        (stream, wanted) ->
            yaml.append(
                "      %s: {topic: %s, partitions: %d, copies: %d}\n"
                    .formatted(stream, stream, PARTITIONS, wanted)));
    try {
      Files.writeString(directory.resolve("topology.yaml"), yaml);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
