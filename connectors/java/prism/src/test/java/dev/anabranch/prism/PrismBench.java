package dev.anabranch.prism;

import com.sun.management.OperatingSystemMXBean;
import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.LocalBroker;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.Random;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Throughput and CPU of Prism beside a plain producer loop with the same settings. No test: run its
 * {@code main} with the test class path and {@code anabranch.kafka.libs}; arguments: records,
 * rounds.
 */
final class PrismBench {
  private static final int PARTITIONS = 8;
  private static final int VALUES = 4_096;
  private static final int SAMPLE = 1_000;

  private PrismBench() {}

  /** One way to write that many records. */
  private interface Way {
    void write(int records) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    int records = args.length > 0 ? Integer.parseInt(args[0]) : 500_000;
    int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 3;
    byte[][] values = values();
    try (LocalBroker a = LocalBroker.start("a");
        LocalBroker b = LocalBroker.start("b")) {
      a.createTopic("bench", PARTITIONS);
      b.createTopic("bench", PARTITIONS);
      Path folder = Files.createTempDirectory("prism-bench");
      String two =
          TwoBrokers.topology(folder, "bench", PARTITIONS, 1, a.bootstrap(), b.bootstrap());
      for (int round = 0; round < rounds; round++) {
        measure("plain producer, 1 broker", records, n -> plain(a, values, n));
        measure("prism, 2 primaries", records, n -> prism(two, PrismOptions.defaults(), values, n));
        PrismOptions home = PrismOptions.builder().home("a").build();
        measure("prism, home of 2", records, n -> prism(two, home, values, n));
      }
    }
  }

  private static byte[][] values() {
    Random random = new Random(1);
    byte[][] values = new byte[VALUES][];
    for (int i = 0; i < VALUES; i++) {
      StringBuilder text = new StringBuilder("{");
      for (int field = 0; text.length() < 140; field++) {
        text.append("\"field").append(field).append("\":").append(random.nextInt(100_000));
        text.append(',');
      }
      values[i] = text.append("\"end\":1}").toString().getBytes();
    }
    return values;
  }

  private static void plain(LocalBroker broker, byte[][] values, int records) {
    Properties config =
        ProducerConfigs.of(
            "plain",
            new dev.anabranch.topology.Primary(java.util.List.of(broker.bootstrap()), null, null),
            PARTITIONS,
            PrismOptions.defaults());
    config.put("max.block.ms", 60_000);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < records; i++) {
        ProducerRecord<byte[], byte[]> record =
            new ProducerRecord<>("bench", null, 1L, null, values[i % VALUES]);
        record.headers().add("anabranch-id", RecordId.of(new byte[10], i).toBytes());
        producer.send(
            record,
            (metadata, error) -> {
              if (error != null) {
                throw new IllegalStateException(error);
              }
            });
      }
    }
  }

  private static void prism(String topology, PrismOptions options, byte[][] values, int records)
      throws InterruptedException {
    byte[] incarnation = new byte[10];
    try (BlockingPrism prism = BlockingPrism.open(topology, "bench", options)) {
      for (int i = 0; i < records; i++) {
        prism.send(OutgoingRecord.of(values[i % VALUES]), RecordId.of(incarnation, i), null, null);
      }
      prism.flush();
    }
  }

  private static void measure(String name, int records, Way way) throws Exception {
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    way.write(SAMPLE);
    long cpu = system.getProcessCpuTime();
    long start = System.nanoTime();
    way.write(records);
    double seconds = (System.nanoTime() - start) / 1e9;
    double cpuMicros = (system.getProcessCpuTime() - cpu) / 1e3 / records;
    System.out.printf(
        "%-26s %8.0f records/s  %5.2f us of CPU a record%n", name, records / seconds, cpuMicros);
  }
}
