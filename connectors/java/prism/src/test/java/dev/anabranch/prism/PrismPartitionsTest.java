package dev.anabranch.prism;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.LocalBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Records with keys for two real brokers that differ in partitions, one killed meanwhile. */
@Timeout(240)
@Tag("long")
class PrismPartitionsTest {
  private static final int KEYS = 50;
  private static final Map<String, Integer> PARTITIONS = Map.of("a", 5, "b", 2);

  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @TempDir Path folder;

  private final VersionClock clock = new VersionClock(System::currentTimeMillis, List.of());
  private final Map<RecordId, Delivery> done = new ConcurrentHashMap<>();
  private final Set<RecordId> toldTwice = ConcurrentHashMap.newKeySet();
  private String stream = "";
  private int sent;

  /** What is written again after a failure may come behind what was sent later. */
  @Test
  void whatIsSentOnceLiesOnceAndForEachKeyInOrder() throws Exception {
    writeWhileAIsKilled(false);
    Map<String, List<ConsumerRecord<byte[], byte[]>>> logs = accounted();
    assertThat(ids(logs)).isEqualTo(done.keySet());
    Set<RecordId> once = new HashSet<>();
    logs.forEach(
        (broker, log) -> {
          Map<String, Long> last = new HashMap<>();
          for (ConsumerRecord<byte[], byte[]> record : log) {
            RecordId id = Logs.id(record);
            if (done.get(id).attempts() == 1) {
              assertThat(once.add(id)).as("%s lies once", id).isTrue();
              Long before = last.put(Logs.text(record.key()), id.sequence());
              assertThat(before == null || before < id.sequence())
                  .as("%s of %s behind %s", id.sequence(), broker, before)
                  .isTrue();
            }
          }
          assertThat(last).as("keys on %s", broker).hasSize(KEYS);
        });
    assertThat(done.values()).anyMatch(delivery -> delivery.attempts() > 1);
  }

  @Test
  void versionsOfAKeyLieInOrderInEachLog() throws Exception {
    writeWhileAIsKilled(true);
    Map<String, List<ConsumerRecord<byte[], byte[]>>> logs = accounted();
    Map<String, Long> newest = new HashMap<>();
    logs.forEach(
        (broker, log) -> {
          Map<String, RecordVersion> last = new HashMap<>();
          for (ConsumerRecord<byte[], byte[]> record : log) {
            RecordVersion version = Logs.version(record);
            RecordVersion before = last.put(Logs.text(record.key()), version);
            assertThat(before == null || before.compareTo(version) <= 0)
                .as("%s of %s behind %s", version, broker, before)
                .isTrue();
            newest.merge(Logs.text(record.key()), Logs.id(record).sequence(), Math::max);
          }
        });
    assertThat(newest)
        .isEqualTo(
            LongStream.range(sent - KEYS, sent)
                .boxed()
                .collect(Collectors.toMap(PrismPartitionsTest::key, n -> n)));
  }

  private void writeWhileAIsKilled(boolean upserts) throws Exception {
    stream = BROKERS.newName();
    brokers().forEach((name, broker) -> broker.createTopic(stream, PARTITIONS.get(name)));
    String topology = BROKERS.topology(folder, stream, 2, 1);
    try (BlockingPrism prism = BlockingPrism.open(topology, stream, PrismOptions.defaults())) {
      LaneStats a = prism.stats().get("a");
      do {
        send(prism, 1_000, upserts);
      } while (sent < 10_000 || a.acknowledged() == 0);
      // What it is sent before its death is on its way then, since it answers nothing.
      BROKERS.a().pause();
      try {
        send(prism, 5_000, upserts);
        assertThat(a.inFlight()).as("on its way when it is killed").isPositive();
        BROKERS.a().kill();
        send(prism, 10_000, upserts);
        prism.flush();
      } finally {
        BROKERS.a().kill();
        BROKERS.a().restart();
      }
      long acknowledged = a.acknowledged();
      Await.until(
          () -> {
            send(prism, KEYS, upserts);
            prism.flush();
            return a.breaker() == 0 && a.acknowledged() > acknowledged + 10 * KEYS;
          },
          Duration.ofSeconds(60));
    }
  }

  private void send(BlockingPrism prism, int count, boolean upserts) throws InterruptedException {
    for (int i = 0; i < count; i++, sent++) {
      byte[] key = key(sent).getBytes(UTF_8);
      OutgoingRecord record =
          new OutgoingRecord(key, Ledger.value(sent), null, RawHeader.NONE, null, 0, false);
      RecordVersion version = upserts ? new RecordVersion(1, clock.next()) : null;
      prism.send(record, RecordId.supplied(stream, sent), version, this::note);
    }
  }

  private void note(Delivery delivery) {
    if (done.put(delivery.id(), delivery) != null) {
      toldTwice.add(delivery.id());
    }
  }

  private static String key(long number) {
    return "key-" + number % KEYS;
  }

  /**
   * All sent is done, once, and each acknowledged copy where it was said to be; the logs hold
   * nothing else, each with its own key and value, and a key has one partition of each primary.
   */
  private Map<String, List<ConsumerRecord<byte[], byte[]>>> accounted() {
    Set<RecordId> all =
        IntStream.range(0, sent)
            .mapToObj(n -> RecordId.supplied(stream, n))
            .collect(Collectors.toSet());
    assertThat(done.keySet()).isEqualTo(all);
    assertThat(toldTwice).isEmpty();
    assertThat(done.values())
        .allSatisfy(delivery -> assertThat(delivery.error()).isNull())
        .allMatch(delivery -> delivery.superseded() || !delivery.acks().isEmpty());
    Map<String, List<ConsumerRecord<byte[], byte[]>>> logs = new HashMap<>();
    Map<Ack, RecordId> places = new HashMap<>();
    brokers()
        .forEach(
            (name, broker) -> {
              logs.put(name, Logs.read(broker, stream));
              Map<String, Integer> partitions = new HashMap<>();
              for (ConsumerRecord<byte[], byte[]> record : logs.get(name)) {
                RecordId id = Logs.id(record);
                assertThat(record.value()).isEqualTo(Ledger.value(id.sequence()));
                assertThat(Logs.text(record.key())).isEqualTo(key(id.sequence()));
                places.put(new Ack(name, record.partition(), record.offset()), id);
                Integer other = partitions.put(key(id.sequence()), record.partition());
                assertThat(other).isIn(null, record.partition());
              }
              assertThat(Set.copyOf(partitions.values())).hasSize(PARTITIONS.get(name));
            });
    done.forEach(
        (id, delivery) ->
            delivery
                .acks()
                .forEach(ack -> assertThat(places.get(ack)).as("at %s", ack).isEqualTo(id)));
    assertThat(all).containsAll(ids(logs));
    return logs;
  }

  private static Set<RecordId> ids(Map<String, List<ConsumerRecord<byte[], byte[]>>> logs) {
    return logs.values().stream().flatMap(List::stream).map(Logs::id).collect(Collectors.toSet());
  }

  private static Map<String, LocalBroker> brokers() {
    return Map.of("a", BROKERS.a(), "b", BROKERS.b());
  }
}
