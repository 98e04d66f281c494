package dev.anabranch.prism;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Ended attempts on their way to the engine's thread. The attempts themselves are the list. */
final class Completions {
  private final AtomicReference<@Nullable Attempt> last = new AtomicReference<>();
  private final Runnable wakeUp;

  /**
   * @param wakeUp called from any thread when there is something to take, once until it is taken
   */
  Completions(Runnable wakeUp) {
    this.wakeUp = wakeUp;
  }

  /** From any thread. */
  void add(Attempt attempt) {
    Attempt previous;
    do {
      previous = last.get();
      attempt.nextCompleted = previous;
    } while (!last.compareAndSet(previous, attempt));
    if (previous == null) {
      wakeUp.run();
    }
  }

  /** All that ended since the last call, in order, linked by {@code nextCompleted}. */
  @Nullable Attempt takeAll() {
    Attempt attempt = last.getAndSet(null);
    Attempt first = null;
    while (attempt != null) {
      Attempt next = attempt.nextCompleted;
      attempt.nextCompleted = first;
      first = attempt;
      attempt = next;
    }
    return first;
  }
}
