package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A Prism on real brokers that are killed, paused, wiped and missing. */
@Timeout(240)
@Tag("long")
class PrismFaultsTest {
  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @TempDir Path folder;

  private final Map<RecordId, Delivery> done = new HashMap<>();
  private int sent;

  @Test
  void aKilledPrimaryCostsNothing() throws Exception {
    String stream = BROKERS.stream(2);
    try (BlockingPrism prism = open(stream, 2, 1, PrismOptions.defaults())) {
      send(prism, stream, 20_000);
      // What it is sent before its death is on its way then, since it answers nothing.
      BROKERS.a().pause();
      send(prism, stream, 5_000);
      assertThat(prism.stats().get("a").inFlight()).isPositive();
      BROKERS.a().kill();
      send(prism, stream, 20_000);
      prism.flush();
    } finally {
      BROKERS.a().kill();
      BROKERS.a().restart();
    }
    assertAllDelivered(stream);
    assertThat(done.values()).anyMatch(Delivery::ambiguous);
  }

  @Test
  void aPausedPrimaryIsPassedOverAndUsedAgain() throws Exception {
    String stream = BROKERS.stream(2);
    try (BlockingPrism prism = open(stream, 2, 1, PrismOptions.defaults())) {
      send(prism, stream, 20_000);
      prism.flush();
      BROKERS.a().pause();
      try {
        send(prism, stream, 20_000);
        prism.flush();
      } finally {
        BROKERS.a().resume();
      }
      LaneStats a = prism.stats().get("a");
      assertThat(a.hedged()).isPositive();
      long before = a.acknowledged();
      Await.until(
          () -> {
            send(prism, stream, 500);
            prism.flush();
            return a.breaker() == 0 && a.acknowledged() > before;
          },
          Duration.ofSeconds(60));
    }
    assertAllDelivered(stream);
    assertThat(BROKERS.readBoth(stream).size()).as("raw duplicates").isGreaterThan(sent);
  }

  @Test
  void bothDownForAWhileHoldsUpAndGoesOn() throws Exception {
    String stream = BROKERS.stream(2);
    PrismOptions small =
        PrismOptions.builder().maxInFlight(1_000, 1 << 20).maxBlock(Duration.ofMinutes(3)).build();
    try (BlockingPrism prism = open(stream, 2, 1, small)) {
      send(prism, stream, 5_000);
      BROKERS.a().kill();
      BROKERS.b().kill();
      Thread back =
          new Thread(
              () -> {
                sleep(Duration.ofSeconds(3));
                BROKERS.b().restart();
              });
      back.start();
      // More than there is room for: this returns only because b comes back.
      send(prism, stream, 5_000);
      prism.flush();
      back.join();
    } finally {
      BROKERS.a().restart();
    }
    assertAllDelivered(stream);
  }

  @Test
  void bothDownBeyondMaxBlockFails() throws Exception {
    String stream = BROKERS.newName();
    String topology = TwoBrokers.topology(folder, stream, 1, 1, "127.0.0.1:1", "127.0.0.1:2");
    PrismOptions options = PrismOptions.builder().maxBlock(Duration.ofSeconds(2)).build();
    try (BlockingPrism prism = BlockingPrism.open(topology, stream, options)) {
      prism.send(OutgoingRecord.of(new byte[1]), RecordId.supplied(stream, 0), null, null);
      assertThatThrownBy(prism::flush)
          .isInstanceOf(DeliveryException.class)
          .hasMessageContaining("a: not ready")
          .hasMessageContaining("b: not ready");
    }
  }

  @Test
  void bothKilledWithRecordsUnderWayFailsBeyondMaxBlockAndKeepsWhatWasAcknowledged()
      throws Exception {
    String stream = BROKERS.stream(2);
    PrismOptions options = PrismOptions.builder().maxBlock(Duration.ofSeconds(4)).build();
    try (BlockingPrism prism = open(stream, 2, 1, options)) {
      send(prism, stream, 1_000);
      prism.flush();
      send(prism, stream, 1_000);
      BROKERS.a().kill();
      BROKERS.b().kill();
      // Few: once both are known to be down, each waits until the one before has failed.
      send(prism, stream, 3);
      prism.flush();
    } finally {
      BROKERS.a().restart();
      BROKERS.b().restart();
    }
    assertThat(done).hasSize(sent);
    List<Delivery> failed = done.values().stream().filter(d -> d.error() != null).toList();
    assertThat(failed)
        .hasSizeBetween(3, 1_003)
        .allSatisfy(
            d ->
                assertThat(d.error())
                    .isInstanceOf(DeliveryException.class)
                    .hasMessageContaining("a: ")
                    .hasMessageContaining("b: "));
    failed.forEach(d -> done.remove(d.id()));
    assertThat(BROKERS.readBoth(stream).stream().map(Logs::id)).containsAll(done.keySet());
  }

  @Test
  void startsWithOnePrimaryAlive() throws Exception {
    String stream = BROKERS.stream(2);
    String topology =
        TwoBrokers.topology(folder, stream, 2, 1, "127.0.0.1:1", BROKERS.b().bootstrap());
    try (BlockingPrism prism = BlockingPrism.open(topology, stream, PrismOptions.defaults())) {
      send(prism, stream, 1_000);
      prism.flush();
      assertThat(prism.stats().get("a").ready()).isFalse();
    }
    assertAllDelivered(stream);
  }

  @Test
  void aPrimaryWithoutTheTopicIsPassedOver() throws Exception {
    String stream = BROKERS.newName();
    BROKERS.b().createTopic(stream, 1);
    try (BlockingPrism prism = open(stream, 1, 1, PrismOptions.builder().home("a").build())) {
      send(prism, stream, 1_000);
      prism.flush();
      assertThat(Logs.read(BROKERS.b(), stream)).hasSize(1_000);
      BROKERS.a().createTopic(stream, 1);
      Await.until(
          () -> {
            send(prism, stream, 1);
            prism.flush();
            return prism.stats().get("a").acknowledged() > 0;
          },
          Duration.ofSeconds(60));
    }
    assertThat(Logs.read(BROKERS.a(), stream)).isNotEmpty();
    assertAllDelivered(stream);
  }

  @Test
  void aRecordThatIsTooLargeFailsAloneAndAtOnce() throws Exception {
    String stream = BROKERS.stream(1);
    byte[] incompressible = new byte[2 << 20];
    new Random(1).nextBytes(incompressible);
    // The first is refused here, the second, with a limit that lets it pass, by the brokers.
    for (String limit : new String[] {"1048576", "20000000"}) {
      done.clear();
      PrismOptions options = PrismOptions.builder().kafka("max.request.size", limit).build();
      try (BlockingPrism prism = open(stream, 1, 1, options)) {
        send(prism, stream, 10);
        RecordId large = RecordId.supplied("large", 0);
        prism.send(OutgoingRecord.of(incompressible), large, null, d -> done.put(d.id(), d));
        send(prism, stream, 10);
        prism.flush();
        assertThat(done.remove(large).error())
            .isInstanceOfSatisfying(
                RecordException.class,
                e -> assertThat(e.reason()).isEqualTo(RecordException.Reason.TOO_LARGE));
        assertThat(done).hasSize(20).allSatisfy((id, d) -> assertThat(d.error()).isNull());
      }
    }
  }

  @Test
  void withTwoCopiesOnePrimaryMayBeDestroyed() throws Exception {
    String stream = BROKERS.stream(2);
    try (BlockingPrism prism = open(stream, 2, 2, PrismOptions.defaults())) {
      send(prism, stream, 5_000);
      prism.flush();
    }
    BROKERS.a().wipe();
    BROKERS.a().restart();
    assertThat(done.values()).allSatisfy(d -> assertThat(d.acks()).hasSize(2));
    Set<RecordId> left = new HashSet<>();
    Logs.read(BROKERS.b(), stream).forEach(record -> left.add(Logs.id(record)));
    assertThat(left).isEqualTo(done.keySet());
  }

  private BlockingPrism open(String stream, int partitions, int copies, PrismOptions options) {
    String topology = BROKERS.topology(folder, stream, partitions, copies);
    return BlockingPrism.open(topology, stream, options);
  }

  private void send(BlockingPrism prism, String stream, int count) throws InterruptedException {
    for (int i = 0; i < count; i++, sent++) {
      byte[] value = ("value-" + sent).getBytes(StandardCharsets.UTF_8);
      RecordId id = RecordId.supplied(stream, sent);
      prism.send(OutgoingRecord.of(value), id, null, d -> done.put(d.id(), d));
    }
  }

  /** All sent is acknowledged, and every acknowledged record is in some log, with its own value. */
  private void assertAllDelivered(String stream) {
    assertThat(done).hasSize(sent).allSatisfy((id, d) -> assertThat(d.error()).isNull());
    Set<RecordId> found = new HashSet<>();
    for (ConsumerRecord<byte[], byte[]> record : BROKERS.readBoth(stream)) {
      RecordId id = Logs.id(record);
      assertThat(Logs.text(record.value())).isEqualTo("value-" + id.sequence());
      found.add(id);
    }
    assertThat(found).containsAll(done.keySet());
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
