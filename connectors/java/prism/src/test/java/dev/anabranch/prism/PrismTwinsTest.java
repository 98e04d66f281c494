package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.LocalBroker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Two names in the topology for one Kafka cluster: a broker that is reached in two ways. */
@Timeout(180)
class PrismTwinsTest {
  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @TempDir Path folder;

  @Test
  void twoCopiesNeverLieInOneCluster() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    try (BlockingPrism prism =
        open(stream, PrismOptions.defaults(), Map.of("b", BROKERS.b().bootstrap()))) {
      ledger.send(prism, 1_000);
      prism.flush();
      // Until a has answered, a2 may be the one that is used.
      long before = prism.stats().get("a2").acknowledged();
      ledger.send(prism, 2_000);
      prism.flush();
      assertThat(prism.stats().get("a2").acknowledged()).isEqualTo(before);
      assertThat(prism.stats().get("a2").ready()).isFalse();
    }
    ledger.assertAllDelivered(Map.of("a", BROKERS.a(), "a2", BROKERS.a(), "b", BROKERS.b()));
    for (LocalBroker broker : List.of(BROKERS.a(), BROKERS.b())) {
      assertThat(ids(broker, stream)).hasSize(ledger.sent());
    }
  }

  @Test
  void wherePrimariesAreTooFewForThatItSaysSo() throws Exception {
    String stream = BROKERS.stream(1);
    Ledger ledger = new Ledger(stream);
    PrismOptions options = PrismOptions.builder().maxBlock(Duration.ofSeconds(5)).build();
    try (BlockingPrism prism = open(stream, options, Map.of())) {
      ledger.send(prism, 1);
      prism.flush();
      assertThatThrownBy(
              () -> {
                throw ledger.done().values().iterator().next().error();
              })
          .isInstanceOf(DeliveryException.class)
          .hasMessageContaining("2 copies are wanted")
          .hasMessageContaining(
              "not used, since it is the same Kafka cluster as a, id " + BROKERS.a().clusterId());
    }
    assertThat(Logs.read(BROKERS.a(), stream)).as("the first copy, once").hasSize(1);
  }

  @Test
  void twoCopiesGoOnWhenTwoPrimariesSwapTheirAddresses() throws Exception {
    String stream = BROKERS.stream(2);
    Ledger ledger = new Ledger(stream);
    PrismOptions options =
        PrismOptions.builder()
            .topologyInterval(Duration.ofMillis(200))
            .maxBlock(Duration.ofSeconds(15))
            .build();
    Path topology = Path.of(BROKERS.topology(folder, stream, 2, 2));
    Path other = Files.createDirectory(folder.resolve("other"));
    try (BlockingPrism prism = BlockingPrism.open(topology.toString(), stream, options)) {
      for (int generation = 2; generation <= 4; generation++) {
        sendFor(Duration.ofSeconds(2), ledger, prism);
        boolean swapped = generation % 2 == 0;
        String text =
            Files.readString(
                    Path.of(
                        TwoBrokers.topology(
                            other,
                            stream,
                            2,
                            2,
                            (swapped ? BROKERS.b() : BROKERS.a()).bootstrap(),
                            (swapped ? BROKERS.a() : BROKERS.b()).bootstrap())))
                .replace("generation: 1", "generation: " + generation);
        Files.writeString(topology, text);
      }
      sendFor(Duration.ofSeconds(2), ledger, prism);
      prism.flush();
    }
    assertThat(ledger.done().values()).allSatisfy(d -> assertThat(d.error()).isNull());
    for (LocalBroker broker : List.of(BROKERS.a(), BROKERS.b())) {
      assertThat(ids(broker, stream)).hasSize(ledger.sent());
    }
  }

  private static void sendFor(Duration time, Ledger ledger, BlockingPrism prism) throws Exception {
    long end = System.nanoTime() + time.toNanos();
    while (System.nanoTime() < end) {
      ledger.send(prism, 5);
      Thread.sleep(5);
    }
  }

  private BlockingPrism open(String stream, PrismOptions options, Map<String, String> others) {
    Map<String, String> primaries = new TreeMap<>(others);
    primaries.put("a", BROKERS.a().bootstrap());
    primaries.put("a2", BROKERS.a().link().bootstrap());
    BROKERS.a().link().open();
    return BlockingPrism.open(
        TwoBrokers.topology(folder, stream, 2, 2, primaries), stream, options);
  }

  private static Set<RecordId> ids(LocalBroker broker, String stream) {
    return Logs.read(broker, stream).stream().map(Logs::id).collect(Collectors.toSet());
  }
}
