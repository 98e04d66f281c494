package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Upserts on compacted topics of two real brokers, one of which is killed and paused meanwhile. */
@Timeout(300)
@Tag("long")
class PrismCompactionTest {
  private static final int KEYS = 40;

  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @TempDir Path folder;

  private final VersionClock clock = new VersionClock(System::currentTimeMillis, List.of());
  private final Map<String, String> truth = new HashMap<>();
  private int sent;

  @Test
  void compactionOnBothKeepsTheHighestVersionOfEachKeyAndDeletes() throws Exception {
    String stream = BROKERS.newName();
    for (LocalBroker broker : List.of(BROKERS.a(), BROKERS.b())) {
      createCompacted(broker, stream);
    }
    Map<LocalBroker, Integer> before = new HashMap<>();
    try (BlockingPrism prism =
        BlockingPrism.open(
            BROKERS.topology(folder, stream, 1, 1), stream, PrismOptions.defaults())) {
      update(prism, 4_000);
      BROKERS.a().kill();
      update(prism, 4_000);
      BROKERS.a().restart();
      updateUntilUsed(prism);
      BROKERS.b().pause();
      update(prism, 4_000);
      BROKERS.b().resume();
      updateUntilUsed(prism);
      prism.flush();
      for (LocalBroker broker : List.of(BROKERS.a(), BROKERS.b())) {
        before.put(broker, Logs.read(broker, stream).size());
      }
      assertTruth(stream);
      // The cleaner leaves the newest segment alone, so that updates have to go on to roll it.
      Await.until(
          () -> {
            update(prism, 200);
            prism.flush();
            return before.entrySet().stream()
                .allMatch(each -> Logs.read(each.getKey(), stream).size() < each.getValue() / 2);
          },
          Duration.ofSeconds(120));
      prism.flush();
    }
    assertThat(sent).as("compacted").isGreaterThan(BROKERS.readBoth(stream).size());
    assertTruth(stream);
    assertThat(truth.values()).as("some are deleted").contains("deleted");
  }

  private void updateUntilUsed(BlockingPrism prism) throws Exception {
    Await.until(
        () -> {
          update(prism, KEYS);
          prism.flush();
          return prism.stats().values().stream().allMatch(s -> s.ready() && s.breaker() == 0);
        },
        Duration.ofSeconds(60));
  }

  private void update(BlockingPrism prism, int count) throws InterruptedException {
    for (int i = 0; i < count; i++, sent++) {
      String key = "k" + sent % KEYS;
      boolean delete = sent % 7 == 0;
      truth.put(key, delete ? "deleted" : "v" + sent);
      OutgoingRecord record =
          new OutgoingRecord(
              key.getBytes(StandardCharsets.UTF_8),
              ("v" + sent).getBytes(StandardCharsets.UTF_8),
              null,
              RawHeader.NONE,
              null,
              0,
              delete);
      prism.send(
          record, RecordId.supplied("compaction", sent), new RecordVersion(1, clock.next()), null);
    }
  }

  /** As a reader by version has it: of what is left in both logs, the highest of each key. */
  private void assertTruth(String stream) {
    Map<String, ConsumerRecord<byte[], byte[]>> newest = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : BROKERS.readBoth(stream)) {
      newest.merge(
          Logs.text(record.key()),
          record,
          (one, other) -> Logs.version(one).compareTo(Logs.version(other)) >= 0 ? one : other);
    }
    Map<String, String> seen = new HashMap<>();
    newest.forEach(
        (key, record) ->
            seen.put(key, Logs.isDelete(record) ? "deleted" : Logs.text(record.value())));
    assertThat(seen).isEqualTo(truth);
  }

  private static void createCompacted(LocalBroker broker, String topic) throws Exception {
    Map<String, String> config =
        Map.of(
            "cleanup.policy", "compact",
            "segment.bytes", "1048576",
            "segment.ms", "1000",
            "min.cleanable.dirty.ratio", "0.01",
            "max.compaction.lag.ms", "1000");
    try (Admin admin = broker.admin()) {
      admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1).configs(config))).all().get();
    }
  }
}
