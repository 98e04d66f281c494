package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.Await;
import dev.anabranch.testkit.FaultyLink;
import dev.anabranch.testkit.LocalBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A Prism whose way to one of its real brokers swallows, delays, is cut, or answers late. */
@Timeout(900)
@Tag("long")
class PrismLinkTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @TempDir Path folder;

  @AfterEach
  void mend() {
    link().open();
  }

  @Test
  void aBlackHoleIsPassedOverAndUsedAgainWhenItEnds() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    PrismOptions options = PrismOptions.builder().maxBlock(Duration.ofSeconds(30)).build();
    try (BlockingPrism prism = open(stream, options)) {
      useBoth(ledger, prism);
      LaneStats a = prism.stats().get("a");
      link().silence();
      ledger.sendUntil(prism, () -> a.breaker() == 2);
      ledger.send(prism, 5_000);
      prism.flush();
      assertThat(a.hedged()).isPositive();
      assertThat(a.inFlight()).as("still connected, as far as it can tell").isPositive();
      link().open();
      long before = a.acknowledged();
      ledger.sendUntil(prism, () -> a.breaker() == 0 && a.acknowledged() > before + 100);
      prism.flush();
    }
    ledger.assertAllDelivered(both());
    assertThat(ledger.done().values()).anyMatch(Delivery::ambiguous);
  }

  @Test
  void aBlackHoleFromTheStartIsNoHindrance() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    link().silence();
    try (BlockingPrism prism = open(stream, PrismOptions.builder().home("a").build())) {
      ledger.send(prism, 1_000);
      prism.flush();
      LaneStats a = prism.stats().get("a");
      assertThat(a.ready()).isFalse();
      assertThat(a.hedged()).as("it was never asked").isZero();
      link().open();
      ledger.sendUntil(prism, () -> a.acknowledged() > 100);
      prism.flush();
    }
    ledger.assertAllDelivered(both());
  }

  @Test
  void aSlowPrimaryIsLeftWhileAnotherIsPromptAndProbedWithoutEnd() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    try (BlockingPrism prism = open(stream, PrismOptions.defaults())) {
      useBoth(ledger, prism);
      LaneStats a = prism.stats().get("a");
      // Well above hedge-after, well below the client's own time-out: each answer does come.
      link().slow(Duration.ofSeconds(2));
      ledger.sendUntil(prism, () -> a.breaker() == 2);
      long before = a.acknowledged();
      long hedged = a.hedged();
      ledger.send(prism, 20_000);
      prism.flush();
      assertThat(a.hedged() - hedged).as("hedged of 20,000 records").isLessThan(2_000);
      // What it still had is acknowledged late, and brings a probe, which is late again.
      ledger.sendUntil(prism, () -> a.acknowledged() > before);
      link().open();
      ledger.sendUntil(prism, () -> a.breaker() == 0);
      prism.flush();
      Await.until(() -> a.inFlight() == 0, LIMIT);
    }
    ledger.assertAllDelivered(both());
    assertThat(twice(BROKERS.a(), stream)).as("late, and so written twice").isNotEmpty();
  }

  @Test
  void theLastPrimaryIsKeptHoweverSlow() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    String topology =
        TwoBrokers.topology(
            folder, stream, 2, 1, Map.of("a", link().bootstrap(), "b", "127.0.0.1:1"));
    try (BlockingPrism prism = BlockingPrism.open(topology, stream, PrismOptions.defaults())) {
      ledger.send(prism, 100);
      prism.flush();
      // Each way: much longer than a hedge waits, and, on a busy machine too, less than the 5 s
      // after which a request counts as lost.
      link().slow(Duration.ofMillis(800));
      ledger.send(prism, 2_000);
      prism.flush();
      assertThat(prism.stats().get("a").breaker()).isZero();
    }
    ledger.assertAllDelivered(Map.of("a", BROKERS.a()));
    assertThat(Logs.read(BROKERS.a(), stream)).as("nothing was sent twice").hasSize(ledger.sent());
  }

  @Test
  void aPrimaryThatFlapsEveryTwoSecondsCostsNothing() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    try (BlockingPrism prism = open(stream, PrismOptions.defaults())) {
      useBoth(ledger, prism);
      LaneStats a = prism.stats().get("a");
      int usedAgain = 0;
      for (int flap = 0; flap < 8; flap++) {
        link().cut();
        sendFor(ledger, prism, Duration.ofSeconds(2));
        link().open();
        long before = a.acknowledged();
        sendFor(ledger, prism, Duration.ofSeconds(2));
        usedAgain += a.acknowledged() > before ? 1 : 0;
      }
      // Mostly: its back-off has grown, but a sign of life cuts it short.
      assertThat(usedAgain).as("flaps after which it was used again").isGreaterThan(3);
      ledger.sendUntil(prism, () -> a.breaker() == 0);
      prism.flush();
    }
    ledger.assertAllDelivered(both());
  }

  @Test
  void allPrimariesDownForAMinuteHoldUpAndLoseNothing() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    PrismOptions options =
        PrismOptions.builder().maxBlock(Duration.ofMinutes(3)).maxInFlight(2_000, 1 << 20).build();
    String topology =
        TwoBrokers.topology(
            folder, stream, 2, 1, link().bootstrap(), BROKERS.b().link().bootstrap());
    try (BlockingPrism prism = BlockingPrism.open(topology, stream, options)) {
      useBoth(ledger, prism);
      link().cut();
      BROKERS.b().link().cut();
      Thread back =
          new Thread(
              () -> {
                try {
                  Thread.sleep(60_000);
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
                BROKERS.b().link().open();
              });
      back.start();
      int before = ledger.done().size();
      long began = System.nanoTime();
      // More than there is room for.
      ledger.send(prism, 5_000);
      assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofSeconds(50));
      prism.flush();
      back.join();
      assertThat(ledger.done().size()).isGreaterThanOrEqualTo(before + 5_000);
    } finally {
      BROKERS.b().link().open();
    }
    ledger.assertAllDelivered(both());
  }

  @Test
  void aFirstAnswerThatComesAfterTheHedgesIsCountedOnce() throws Exception {
    String stream = BROKERS.stream(1);
    Ledger ledger = new Ledger(stream);
    try (BlockingPrism prism = open(stream, PrismOptions.builder().home("a").build())) {
      useHome(ledger, prism);
      LaneStats a = prism.stats().get("a");
      long before = a.acknowledged();
      link().slow(Duration.ofSeconds(3));
      ledger.send(prism, 1);
      prism.flush();
      Delivery delivery = ledger.done().get(RecordId.supplied(stream, ledger.sent() - 1));
      assertThat(delivery.acks())
          .singleElement()
          .satisfies(x -> assertThat(x.primary()).isEqualTo("b"));
      assertThat(delivery.ambiguous()).isTrue();
      assertThat(delivery.attempts()).isEqualTo(2);
      assertThat(a.acknowledged()).as("it has yet to answer").isEqualTo(before);
      Await.until(() -> a.acknowledged() == before + 1, LIMIT);
      assertThat(a.breaker()).as("alive, but to be probed").isEqualTo(1);
      assertThat(twice(BROKERS.a(), stream)).containsExactly(delivery.id());
    }
    ledger.assertAllDelivered(both());
  }

  /**
   * Longer than any client waits: the writer has given up, gone on, and is closed. (With the short
   * sessions of the other brokers its own controller would fence this one first, and the requests
   * that wait in its sockets be refused.)
   */
  @Test
  void whatAPausedPrimaryAppliesAfterMinutesIsADuplicateOfTheSameId() throws Exception {
    String stream = BROKERS.newName();
    Ledger ledger = new Ledger(stream);
    try (LocalBroker frozen =
        LocalBroker.start("frozen", Map.of("broker.session.timeout.ms", "600000"))) {
      frozen.createTopic(stream, 2);
      BROKERS.b().createTopic(stream, 2);
      String topology =
          TwoBrokers.topology(folder, stream, 2, 1, frozen.bootstrap(), BROKERS.b().bootstrap());
      try (BlockingPrism prism = BlockingPrism.open(topology, stream, PrismOptions.defaults())) {
        useBoth(ledger, prism);
        prism.flush();
        frozen.pause();
        LaneStats a = prism.stats().get("a");
        long before = a.acknowledged();
        ledger.sendUntil(prism, () -> a.breaker() == 2);
        sendFor(ledger, prism, Duration.ofSeconds(100));
        prism.flush();
        assertThat(a.acknowledged()).isEqualTo(before);
        assertThat(a.failed()).as("given up").isPositive();
      } finally {
        frozen.resume();
      }
      Await.until(() -> !twice(frozen, stream).isEmpty(), LIMIT);
      ledger.assertAllDelivered(Map.of("a", frozen, "b", BROKERS.b()));
      assertThat(twice(frozen, stream))
          .allSatisfy(id -> assertThat(ledger.done().get(id).ambiguous()).isTrue());
    }
  }

  private static FaultyLink link() {
    return BROKERS.a().link();
  }

  private static Map<String, LocalBroker> both() {
    return Map.of("a", BROKERS.a(), "b", BROKERS.b());
  }

  private BlockingPrism open(String stream, PrismOptions options) {
    String topology =
        TwoBrokers.topology(folder, stream, 2, 1, link().bootstrap(), BROKERS.b().bootstrap());
    return BlockingPrism.open(topology, stream, options);
  }

  private static void useBoth(Ledger ledger, BlockingPrism prism) throws Exception {
    ledger.sendUntil(
        prism,
        () ->
            prism.stats().values().stream()
                .allMatch(each -> each.acknowledged() > 200 && each.breaker() == 0));
  }

  private static void useHome(Ledger ledger, BlockingPrism prism) throws Exception {
    ledger.sendUntil(
        prism, () -> prism.stats().get("a").acknowledged() > 20 && prism.stats().get("b").ready());
    prism.flush();
  }

  private static void sendFor(Ledger ledger, BlockingPrism prism, Duration time) throws Exception {
    long end = System.nanoTime() + time.toNanos();
    while (System.nanoTime() < end) {
      ledger.send(prism, 10);
      Thread.sleep(10);
    }
  }

  /** Ids that are in both logs. */
  private static Set<RecordId> twice(LocalBroker broker, String stream) {
    Set<RecordId> a = ids(Logs.read(broker, stream));
    a.retainAll(ids(Logs.read(BROKERS.b(), stream)));
    return a;
  }

  private static Set<RecordId> ids(List<ConsumerRecord<byte[], byte[]>> log) {
    Set<RecordId> ids = new HashSet<>();
    log.forEach(record -> ids.add(Logs.id(record)));
    return ids;
  }
}
