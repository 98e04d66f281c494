package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.topology.Group;
import dev.anabranch.topology.Primary;
import dev.anabranch.topology.Primary.WantedState;
import dev.anabranch.topology.StreamSpec;
import dev.anabranch.topology.Topology;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A caller that stays away for longer than {@code max_block}, with a primary in memory. */
@Timeout(60)
class BlockingPrismTest {
  private static final PrismOptions OPTIONS =
      PrismOptions.builder()
          .hedgeAfter(Duration.ofMillis(100))
          .maxBlock(Duration.ofMillis(500))
          .maxInFlight(1, 1000)
          .build();
  private static final long AWAY_MS = 1_000;

  private final MemoryTransport primary = new MemoryTransport();
  private final BlockingPrism prism = open();

  private static final class Feed implements TopologyFeed {
    @Override
    public Topology current() {
      Primary a = new Primary(List.of("h:1"), WantedState.ACTIVE, null);
      StreamSpec spec = new StreamSpec(null, 1, 1, null, null);
      return new Topology(1, Map.of("g", new Group(Map.of("a", a), Map.of("s", spec))));
    }

    @Override
    public Instant lastFetched() {
      return Instant.now();
    }

    @Override
    public void onChange(Consumer<Topology> listener) {}

    @Override
    public void close() {}
  }

  private BlockingPrism open() {
    Transport.Factory factory = (name, wanted, view, listener) -> primary.toldTo(listener);
    return new BlockingPrism(
        "s",
        PrismEngine.Failures.THROW,
        hooks -> {
          PrismEngine engine = new PrismEngine("s", OPTIONS, new Feed(), factory, hooks);
          engine.start();
          return engine;
        });
  }

  @AfterEach
  void close() {
    prism.close();
  }

  private void send(int number) throws InterruptedException {
    prism.send(OutgoingRecord.of(new byte[1]), RecordId.supplied("x", number), null, null);
  }

  @Test
  void whatWaitsForAPrimaryIsWrittenWhileTheCallerIsElsewhere() throws Exception {
    send(0);
    assertThat(primary.log).isEmpty();
    primary.ready();
    Thread.sleep(AWAY_MS);
    assertThat(primary.log).hasSize(1);
    prism.flush();
    send(1);
    prism.flush();
    assertThat(primary.log).hasSize(2);
  }

  @Test
  void whatFailedMeanwhileIsToldOnceAtTheNextCall() throws Exception {
    send(0);
    Thread.sleep(AWAY_MS);
    assertThatThrownBy(() -> send(1)).isInstanceOf(DeliveryException.class);
    primary.ready();
    send(1);
    prism.flush();
    assertThat(primary.log).hasSize(1);
  }

  @Test
  void aCallerThatWaitsIsToldOfAFailure() throws Exception {
    send(0);
    assertThatThrownBy(prism::flush)
        .isInstanceOf(DeliveryException.class)
        .hasMessageContaining("a: not ready");
  }
}
