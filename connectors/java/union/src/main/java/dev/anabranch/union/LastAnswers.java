package dev.anabranch.union;

import dev.anabranch.union.HandedOver.EndsSeen;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What primaries said last of where their logs end. Unlike what is handed over it waits behind no
 * records: a task may be far behind its queue, and a watermark that rests on an answer has to stop
 * as soon as that lapses, or tells of records. Any thread.
 */
final class LastAnswers {
  /**
   * An answer.
   *
   * @param end where the log ended
   * @param askedNanos when its primary was asked
   */
  record Answer(long end, long askedNanos) {
    boolean holds(Duration lease, long nowNanos) {
      return nowNanos - askedNanos <= lease.toNanos();
    }
  }

  private final Map<String, Answer> answers = new ConcurrentHashMap<>();

  void note(EndsSeen seen) {
    seen.ends()
        .forEach(
            end ->
                answers.merge(
                    end.splitId(),
                    new Answer(end.offset(), seen.askedNanos()),
                    // Where a split goes over to another fetcher, the former one's may come last.
                    (known, next) -> next.askedNanos() - known.askedNanos() >= 0 ? next : known));
  }

  @Nullable Answer of(String splitId) {
    return answers.get(splitId);
  }

  /** Forgets all others. */
  void retain(Set<String> splitIds) {
    answers.keySet().retainAll(splitIds);
  }
}
