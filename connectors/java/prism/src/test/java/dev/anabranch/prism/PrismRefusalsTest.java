package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.LocalBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.common.acl.AclOperation;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A Prism one of whose real brokers is up and does not want its records, or cannot take them. */
@Timeout(240)
@Tag("long")
class PrismRefusalsTest {
  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  private static LocalBroker guarded;
  @TempDir Path folder;

  @BeforeAll
  static void start() {
    guarded = LocalBroker.start("guarded", Permissions.LOOKED_UP);
  }

  @AfterAll
  static void stop() {
    guarded.close();
  }

  /** Without the right to describe, the topic does not even seem to be there. */
  @ParameterizedTest
  @EnumSource(names = {"WRITE", "DESCRIBE"})
  void aPrimaryThatForbidsItIsPassedOverUntilItAllowsIt(AclOperation operation) throws Exception {
    String stream = BROKERS.newName();
    guarded.createTopic(stream, 1);
    BROKERS.b().createTopic(stream, 1);
    Ledger ledger = new Ledger(stream);
    Permissions.forbid(guarded, stream, operation);
    try (BlockingPrism prism = open(stream, guarded, PrismOptions.builder().home("a").build())) {
      LaneStats a = prism.stats().get("a");
      ledger.sendUntil(prism, () -> ledger.sent() >= 500 && !isUsed(a));
      prism.flush();
      assertThat(a.acknowledged()).isZero();
      assertThat(ledger.done().values()).noneMatch(Delivery::ambiguous);
      Permissions.allow(guarded, stream, operation);
      ledger.sendUntil(prism, () -> a.acknowledged() > 50);
      prism.flush();
    }
    ledger.assertAllDelivered(Map.of("a", guarded, "b", BROKERS.b()));
  }

  @Test
  void whereNoOtherIsLeftTheErrorNamesThePermission() throws Exception {
    String stream = BROKERS.newName();
    guarded.createTopic(stream, 1);
    Permissions.forbid(guarded, stream, AclOperation.WRITE);
    Ledger ledger = new Ledger(stream);
    PrismOptions options = PrismOptions.builder().maxBlock(Duration.ofSeconds(5)).build();
    String topology = TwoBrokers.topology(folder, stream, 1, 1, guarded.bootstrap(), "127.0.0.1:1");
    try (BlockingPrism prism = BlockingPrism.open(topology, stream, options)) {
      ledger.send(prism, 1);
      prism.flush();
    }
    assertThat(ledger.done().values())
        .singleElement()
        .satisfies(
            d -> {
              assertThat(d.error())
                  .isInstanceOf(DeliveryException.class)
                  .hasMessageContaining("a: ")
                  .hasMessageContaining("TopicAuthorizationException")
                  .hasMessageContaining(stream);
              assertThat(d.ambiguous()).isFalse();
            });
    ledger.assertAccounted(Map.of("a", guarded));
  }

  @Test
  void aPrimaryThatThrottlesItLosesRecordsToOthers() throws Exception {
    String stream = BROKERS.stream(1);
    Ledger ledger = new Ledger(stream);
    try (BlockingPrism prism =
        open(stream, BROKERS.a(), PrismOptions.builder().home("a").build())) {
      LaneStats a = prism.stats().get("a");
      ledger.sendUntil(prism, () -> a.acknowledged() > 50);
      BROKERS.throttle(BROKERS.a(), 200.0);
      try {
        ledger.sendUntil(prism, () -> a.breaker() == 2);
        long hedged = a.hedged();
        ledger.send(prism, 5_000);
        prism.flush();
        assertThat(a.hedged() - hedged).as("only probes are delayed").isLessThan(500);
      } finally {
        BROKERS.throttle(BROKERS.a(), null);
      }
      long before = a.acknowledged();
      ledger.sendUntil(prism, () -> a.breaker() == 0 && a.acknowledged() > before + 50);
      prism.flush();
    }
    ledger.assertAllDelivered(Map.of("a", BROKERS.a(), "b", BROKERS.b()));
  }

  @Test
  void aPrimaryWhoseDiskIsFullDiesAndIsUsedAgainWhenItHasRoom() throws Exception {
    String stream = BROKERS.newName();
    Ledger ledger = new Ledger(stream);
    try (LocalBroker full = LocalBroker.start("full")) {
      full.createTopic(stream, 2);
      BROKERS.b().createTopic(stream, 2);
      try (BlockingPrism prism = open(stream, full, PrismOptions.builder().home("a").build())) {
        LaneStats a = prism.stats().get("a");
        ledger.sendUntil(prism, () -> a.acknowledged() > 50);
        full.fillDisk(100_000);
        ledger.sendUntil(
            prism,
            () -> {
              // Its segment has to get there.
              ledger.send(prism, 200);
              return !full.isAlive();
            });
        ledger.send(prism, 1_000);
        prism.flush();
        full.restart();
        long before = a.acknowledged();
        ledger.sendUntil(prism, () -> a.breaker() == 0 && a.acknowledged() > before + 50);
        prism.flush();
      }
      ledger.assertAllDelivered(Map.of("a", full, "b", BROKERS.b()));
    }
  }

  private static boolean isUsed(LaneStats lane) {
    return lane.ready() && lane.breaker() == 0;
  }

  private BlockingPrism open(String stream, LocalBroker a, PrismOptions options) {
    String topology =
        TwoBrokers.topology(folder, stream, 2, 1, a.bootstrap(), BROKERS.b().bootstrap());
    return BlockingPrism.open(topology, stream, options);
  }
}
