package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.testkit.Await;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Two copies of each record wanted, and only one primary alive. */
@Timeout(240)
@Tag("long")
class PrismCopiesTest {
  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @TempDir Path folder;

  @Test
  void withOneOfTwoAliveWritersWaitAndGoOnWhenTheOtherIsBack() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    PrismOptions options = PrismOptions.builder().maxBlock(Duration.ofMinutes(3)).build();
    try (BlockingPrism prism = open(stream, options)) {
      ledger.send(prism, 500);
      prism.flush();
      BROKERS.b().kill();
      // What is sent until then is accepted, and waits in the client of b.
      LaneStats b = prism.stats().get("b");
      ledger.send(prism, 1);
      Await.until(() -> b.breaker() == 2, Duration.ofSeconds(60));
      Thread writer = new Thread(() -> write(ledger, prism));
      writer.start();
      // It stops at the first record that lacks its second copy.
      writer.join(5_000);
      assertThat(writer.isAlive()).isTrue();
      assertThat(ledger.sent()).as("each send waits while one does").isLessThan(510);
      assertThat(ledger.done()).hasSize(500);
      BROKERS.b().restart();
      writer.join();
      prism.flush();
    } finally {
      if (!BROKERS.b().isAlive()) {
        BROKERS.b().restart();
      }
    }
    ledger.assertAllDelivered(Map.of("a", BROKERS.a(), "b", BROKERS.b()));
    assertThat(ledger.sent()).isEqualTo(1_501);
    assertThat(ledger.done().values())
        .allSatisfy(d -> assertThat(d.acks().stream().map(Ack::primary).distinct()).hasSize(2));
  }

  @Test
  void beyondMaxBlockItFailsAndSaysHowManyCopiesAreWanted() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    PrismOptions options = PrismOptions.builder().maxBlock(Duration.ofSeconds(5)).build();
    String topology =
        TwoBrokers.topology(folder, stream, 2, 2, BROKERS.a().bootstrap(), "127.0.0.1:1");
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
                  .hasMessageContaining("2 copies are wanted")
                  .hasMessageContaining("a: in use")
                  .hasMessageContaining("b: not ready")
                  .hasMessageNotContaining("0 ms");
              // Whoever sends it again knows from this that there is one already.
              assertThat(d.acks())
                  .singleElement()
                  .satisfies(x -> assertThat(x.primary()).isEqualTo("a"));
            });
    ledger.assertAccounted(Map.of("a", BROKERS.a()));
  }

  private static void write(Ledger ledger, BlockingPrism prism) {
    try {
      ledger.send(prism, 1_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private BlockingPrism open(String stream, PrismOptions options) {
    return BlockingPrism.open(BROKERS.topology(folder, stream, 2, 2), stream, options);
  }
}
