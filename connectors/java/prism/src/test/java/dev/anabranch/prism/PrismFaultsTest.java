package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A Prism on real brokers that are killed, paused and missing. */
@Timeout(120)
class PrismFaultsTest {
  @RegisterExtension static final TwoBrokers BROKERS = new TwoBrokers();
  @TempDir Path folder;

  private final Map<RecordId, Delivery> done = new HashMap<>();
  private int sent;

  @Test
  void killedPrimaryCostsNothing() throws Exception {
    String stream = BROKERS.stream(2);
    String topology = BROKERS.topology(folder, stream, 2, 1);
    try (BlockingPrism prism = open(topology, stream, options().build())) {
      send(prism, stream, 20_000);
      BROKERS.a().kill();
      send(prism, stream, 20_000);
      prism.flush();
    } finally {
      BROKERS.a().restart();
    }
    assertAllAcknowledged(stream);
  }

  private static PrismOptionsBuilder options() {
    return PrismOptions.builder().maxBlock(Duration.ofSeconds(60));
  }

  private static BlockingPrism open(String topology, String stream, PrismOptions options) {
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
  private void assertAllAcknowledged(String stream) {
    assertThat(done).hasSize(sent).allSatisfy((id, d) -> assertThat(d.error()).isNull());
    Set<RecordId> found = new HashSet<>();
    for (ConsumerRecord<byte[], byte[]> record : BROKERS.readBoth(stream)) {
      RecordId id = Logs.id(record);
      assertThat(Logs.text(record.value())).isEqualTo("value-" + id.sequence());
      found.add(id);
    }
    assertThat(found).containsAll(done.keySet());
  }

  @Test
  void bothDownBeyondMaxBlockFails() throws Exception {
    String stream = BROKERS.newName();
    String topology = TwoBrokers.topology(folder, stream, 1, 1, "127.0.0.1:1", "127.0.0.1:2");
    PrismOptions options = options().maxBlock(Duration.ofSeconds(2)).build();
    try (BlockingPrism prism = BlockingPrism.open(topology, stream, options)) {
      prism.send(OutgoingRecord.of(new byte[1]), RecordId.supplied(stream, 0), null, null);
      assertThatThrownBy(prism::flush)
          .isInstanceOf(DeliveryException.class)
          .hasMessageContaining("a: not ready")
          .hasMessageContaining("b: not ready");
    }
  }
}
