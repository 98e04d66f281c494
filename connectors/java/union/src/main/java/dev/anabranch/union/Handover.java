package dev.anabranch.union;

import dev.anabranch.union.HandedOver.EndsSeen;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The queue between fetchers and the task thread. {@link #put} never blocks and never throws (each
 * fetcher bounds itself by its permits), so that records which a consumer has moved past are safe.
 */
final class Handover {
  private static final CompletableFuture<Void> AVAILABLE = CompletableFuture.completedFuture(null);

  private final LastAnswers answers = new LastAnswers();
  private final ConcurrentLinkedQueue<HandedOver> queue = new ConcurrentLinkedQueue<>();
  private final AtomicReference<CompletableFuture<Void>> waiter = new AtomicReference<>(AVAILABLE);

  /** Any thread. */
  void put(HandedOver item) {
    queue.add(item);
    wake();
  }

  /** Puts it in its place among the records, and beside them. Any thread. */
  void answered(EndsSeen seen) {
    answers.note(seen);
    put(seen);
  }

  /** What need not wait for the records before it. */
  LastAnswers answers() {
    return answers;
  }

  /** Makes the task thread look again. Any thread. */
  void wake() {
    waiter.getAndSet(AVAILABLE).complete(null);
  }

  /** Task thread. */
  @Nullable HandedOver poll() {
    return queue.poll();
  }

  /** A future that is complete once there is something to poll. Task thread. */
  CompletableFuture<Void> available() {
    if (!queue.isEmpty()) {
      return AVAILABLE;
    }
    CompletableFuture<Void> current = waiter.get();
    if (current.isDone()) {
      CompletableFuture<Void> fresh = new CompletableFuture<>();
      current = waiter.compareAndSet(current, fresh) ? fresh : waiter.get();
    }
    // Something may have come between the two looks.
    return queue.isEmpty() ? current : AVAILABLE;
  }
}
