package dev.anabranch.prism;

import dev.anabranch.testkit.LocalBroker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Two brokers, a and b, for all tests of this JVM. Each test makes streams of its own and leaves
 * both brokers running.
 */
final class TwoBrokers implements BeforeAllCallback {
  private static final AtomicInteger STREAMS = new AtomicInteger();
  private static final List<LocalBroker> BROKERS = new ArrayList<>();

  @Override
  public void beforeAll(ExtensionContext context) {
    if (BROKERS.isEmpty()) {
      BROKERS.add(LocalBroker.start("a"));
      BROKERS.add(LocalBroker.start("b"));
      Runtime.getRuntime().addShutdownHook(new Thread(() -> BROKERS.forEach(LocalBroker::close)));
    }
  }

  LocalBroker a() {
    return BROKERS.get(0);
  }

  LocalBroker b() {
    return BROKERS.get(1);
  }

  /** A new stream's name; its topic, of the same name, is on both brokers. */
  String stream(int partitions) {
    String name = newName();
    BROKERS.forEach(broker -> broker.createTopic(name, partitions));
    return name;
  }

  /** Lets producers write so many bytes a second to that one; null: as many as they like. */
  void throttle(LocalBroker broker, @Nullable Double bytesPerSecond) throws Exception {
    ClientQuotaEntity all =
        new ClientQuotaEntity(Collections.singletonMap(ClientQuotaEntity.CLIENT_ID, null));
    ClientQuotaAlteration.Op op =
        new ClientQuotaAlteration.Op("producer_byte_rate", bytesPerSecond);
    try (Admin admin = broker.admin()) {
      admin.alterClientQuotas(List.of(new ClientQuotaAlteration(all, List.of(op)))).all().get();
    }
  }

  String newName() {
    return "stream-" + STREAMS.incrementAndGet();
  }

  /** Writes a topology with both primaries and one stream. */
  String topology(Path folder, String stream, int partitions, int copies) {
    return topology(folder, stream, partitions, copies, a().bootstrap(), b().bootstrap());
  }

  static String topology(
      Path folder, String stream, int partitions, int copies, String a, String b) {
    return topology(folder, stream, partitions, copies, new TreeMap<>(Map.of("a", a, "b", b)));
  }

  /** Writes a topology with those primaries, by name, and one stream. */
  static String topology(
      Path folder, String stream, int partitions, int copies, Map<String, String> primaries) {
    Path path = folder.resolve(stream + ".yaml");
    String text =
        """
        generation: 1
        groups:
          test:
            primaries:
        %s
            streams:
              %s: {partitions: %d, copies: %d}
        """
            .formatted(
                primaries.entrySet().stream()
                    .map(
                        each ->
                            "      %s: {bootstrap: [\"%s\"]}"
                                .formatted(each.getKey(), each.getValue()))
                    .collect(Collectors.joining("\n")),
                stream,
                partitions,
                copies);
    try {
      Files.writeString(path, text);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return path.toString();
  }

  List<ConsumerRecord<byte[], byte[]>> readBoth(String topic) {
    List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>(Logs.read(a(), topic));
    all.addAll(Logs.read(b(), topic));
    return all;
  }
}
