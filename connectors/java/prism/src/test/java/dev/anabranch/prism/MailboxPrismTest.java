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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.flink.streaming.runtime.tasks.StreamTaskActionExecutor;
import org.apache.flink.streaming.runtime.tasks.mailbox.MailboxExecutorImpl;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailboxImpl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two streams, rows and letters, on one task's mailbox, each with a primary in memory. */
@Timeout(60)
class MailboxPrismTest {
  private static final Duration MAX_BLOCK = Duration.ofSeconds(4);
  private static final PrismOptions OPTIONS =
      PrismOptions.builder()
          .hedgeAfter(Duration.ofMillis(100))
          .maxBlock(MAX_BLOCK)
          .maxInFlight(1, 1000)
          .build();

  private final TaskMailboxImpl mails = new TaskMailboxImpl();
  private final MailboxExecutorImpl mailbox =
      new MailboxExecutorImpl(mails, 0, StreamTaskActionExecutor.IMMEDIATE);
  private final MemoryTransport rowsPrimary = new MemoryTransport();
  private final MemoryTransport lettersPrimary = new MemoryTransport();
  private final MailboxPrism rows = open(rowsPrimary);
  private final MailboxPrism letters = open(lettersPrimary);

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

  private MailboxPrism open(MemoryTransport primary) {
    return new MailboxPrism(
        mailbox,
        wakeUp -> {
          PrismEngine engine =
              new PrismEngine(
                  "s",
                  OPTIONS,
                  new Feed(),
                  (name, wanted, view, listener) -> primary.toldTo(listener),
                  new PrismEngine.Hooks(wakeUp, PrismEngine.Failures.THROW, (name, stats) -> {}));
          engine.start(true);
          return engine;
        });
  }

  @AfterEach
  void close() {
    rows.close();
    letters.close();
  }

  private static void send(MailboxPrism prism, int number) {
    prism.send(OutgoingRecord.of(new byte[1]), RecordId.supplied("x", number), null, null);
  }

  private void awaitIdle(MailboxPrism prism) throws InterruptedException {
    while (!prism.isIdle()) {
      mailbox.yield();
    }
  }

  @Test
  void rowsAreAcknowledgedWhileLettersWaitForAPrimary() {
    rowsPrimary.ready();
    send(rows, 0);
    send(letters, 0);
    send(letters, 1);
    assertThat(letters.isFull()).as("more than there is room for is taken, at once").isTrue();

    assertThatThrownBy(() -> awaitIdle(letters))
        .isInstanceOf(DeliveryException.class)
        .hasMessageContaining("2 records in flight, the oldest undelivered for 4.0 s (max-block)")
        .hasMessageContaining("a: not ready");
    assertThat(rows.isIdle()).isTrue();
    assertThat(rowsPrimary.log).hasSize(1);
  }

  @Test
  void waitsInARowTakeNoLongerThanOne() throws Exception {
    send(rows, 0);
    send(letters, 0);
    long start = System.nanoTime();
    Duration late = MAX_BLOCK.multipliedBy(3).dividedBy(4);
    CompletableFuture.delayedExecutor(late.toMillis(), TimeUnit.MILLISECONDS)
        .execute(lettersPrimary::ready);

    awaitIdle(letters);
    assertThatThrownBy(() -> awaitIdle(rows)).isInstanceOf(DeliveryException.class);

    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(MAX_BLOCK.plus(late));
  }

  @Test
  void mailsThatComeAfterItsEndDoNothing() throws Exception {
    send(letters, 0);
    letters.close();
    Thread.sleep(300);
    lettersPrimary.ready();
    while (mailbox.tryYield()) {
      assertThat(lettersPrimary.log).isEmpty();
    }
  }

  @Test
  void aMailboxThatClosesFirstIsNoError() throws Exception {
    send(letters, 0);
    mails.close();
    Thread.sleep(300);
    letters.close();
    assertThat(lettersPrimary.closed).isTrue();
  }
}
