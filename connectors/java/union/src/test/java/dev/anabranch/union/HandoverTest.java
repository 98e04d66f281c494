package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.union.HandedOver.PrimaryNews;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The task thread is never left waiting while something is in the queue. */
class HandoverTest {
  private static final int ITEMS = 20_000;

  @Test
  void everyItemArrivesThoughTheReaderSleepsInBetween() throws Exception {
    Handover handover = new Handover();
    Thread writer =
        new Thread(
            () -> {
              for (int i = 0; i < ITEMS; i++) {
                handover.put(new PrimaryNews(Integer.toString(i), true, ""));
                if (i % 7 == 0) {
                  Thread.yield();
                }
              }
            });
    writer.start();
    for (int i = 0; i < ITEMS; i++) {
      HandedOver item = handover.poll();
      while (item == null) {
        handover.available().get(30, TimeUnit.SECONDS);
        item = handover.poll();
      }
      assertThat(((PrimaryNews) item).primary()).isEqualTo(Integer.toString(i));
    }
    writer.join();
  }

  @Test
  void wakingCompletesAFutureThatWasHandedOut() {
    Handover handover = new Handover();
    CompletableFuture<Void> waiting = handover.available();
    assertThat(waiting).isNotDone();
    handover.wake();
    assertThat(waiting).isDone();
  }
}
