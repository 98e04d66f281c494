package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RecordId;
import dev.anabranch.testkit.LocalBroker;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** What was sent to one stream, what became of it, and whether the logs say the same. */
final class Ledger {
  private static final long LIMIT_NANOS = 60_000_000_000L;

  private final String stream;
  private final Map<RecordId, Delivery> done = new ConcurrentHashMap<>();
  private final Set<RecordId> toldTwice = ConcurrentHashMap.newKeySet();
  private int sent;

  Ledger(String stream) {
    this.stream = stream;
  }

  void send(BlockingPrism prism, int count) throws InterruptedException {
    for (int i = 0; i < count; i++, sent++) {
      prism.send(OutgoingRecord.of(value(sent)), RecordId.supplied(stream, sent), null, this::note);
    }
  }

  /** Goes on with some hundred records a second until that is so. */
  void sendUntil(BlockingPrism prism, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + LIMIT_NANOS;
    while (!condition.call()) {
      assertThat(System.nanoTime() - deadline).as("it never came to that").isNegative();
      send(prism, 5);
      Thread.sleep(10);
    }
  }

  private void note(Delivery delivery) {
    if (done.put(delivery.id(), delivery) != null) {
      toldTwice.add(delivery.id());
    }
  }

  static byte[] value(long number) {
    return ("value-" + number).getBytes(StandardCharsets.UTF_8);
  }

  int sent() {
    return sent;
  }

  Map<RecordId, Delivery> done() {
    return done;
  }

  /** All sent is done without an error, and so the logs say. */
  void assertAllDelivered(Map<String, LocalBroker> primaries) {
    assertThat(done).hasSize(sent).allSatisfy((id, each) -> assertThat(each.error()).isNull());
    assertAccounted(primaries);
  }

  /**
   * Each send was told of once; each acknowledgement's record is where it says; and the logs hold
   * what was acknowledged, at most besides what ended in doubt, and nothing that was not sent.
   */
  void assertAccounted(Map<String, LocalBroker> primaries) {
    assertThat(toldTwice).isEmpty();
    assertThat(done).hasSize(sent);
    Map<String, RecordId> places = new HashMap<>();
    Set<RecordId> found = new HashSet<>();
    // Two names may be one broker.
    Map<LocalBroker, List<ConsumerRecord<byte[], byte[]>>> logs = new HashMap<>();
    primaries.forEach(
        (name, broker) -> {
          for (ConsumerRecord<byte[], byte[]> record :
              logs.computeIfAbsent(broker, each -> Logs.read(each, stream))) {
            RecordId id = Logs.id(record);
            assertThat(id).isEqualTo(RecordId.supplied(stream, id.sequence()));
            assertThat(record.value()).isEqualTo(value(id.sequence()));
            found.add(id);
            places.put(name + "/" + record.partition() + "/" + record.offset(), id);
          }
        });
    done.forEach(
        (id, delivery) -> {
          delivery
              .acks()
              .forEach(
                  ack ->
                      assertThat(
                              places.get(
                                  ack.primary() + "/" + ack.partition() + "/" + ack.offset()))
                          .as("where %s says", ack)
                          .isEqualTo(id));
          if (delivery.error() == null) {
            assertThat(found).contains(id);
          } else if (!delivery.ambiguous() && delivery.acks().isEmpty()) {
            assertThat(found).as("failed for certain").doesNotContain(id);
          }
        });
    assertThat(done.keySet()).containsAll(found);
  }
}
