package dev.anabranch.union;

import dev.anabranch.topology.Primary;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * For which active primaries a watermark that advances waits before it does so: for those that have
 * not shown their logs yet, for an idle timeout each. Else what was found first would run ahead of
 * what is found a moment later, all of which would be late though nobody was ever down. No threads,
 * clients or clock.
 */
final class FirstSight {
  private final Duration timeout;
  private final Map<String, Duration> awaited = new HashMap<>();
  private final Set<String> active = new HashSet<>();

  /**
   * @param timeout for how long a primary is waited for; 0 waits for ever
   */
  FirstSight(Duration timeout) {
    this.timeout = timeout;
  }

  /** Follows a document: who becomes active is waited for. */
  void follow(StreamView view) {
    Set<String> now = new HashSet<>();
    view.primaries()
        .forEach(
            (name, primary) -> {
              if (primary.state() == Primary.WantedState.ACTIVE) {
                now.add(name);
              }
            });
    now.stream()
        .filter(name -> !active.contains(name))
        .forEach(name -> awaited.put(name, Duration.ZERO));
    active.clear();
    active.addAll(now);
    awaited.keySet().retainAll(now);
  }

  /** A primary has shown all of its logs, and those that were new wait for readers or have them. */
  void discovered(String primary) {
    awaited.remove(primary);
  }

  /** Time went on while the job ran. */
  void elapsed(Duration time) {
    awaited.replaceAll((name, waited) -> waited.plus(time));
    if (!timeout.isZero()) {
      awaited.values().removeIf(waited -> waited.compareTo(timeout) >= 0);
    }
  }

  /**
   * What readers have to know.
   *
   * @param pending primaries of which splits wait for a reader
   */
  HoldEvent event(Set<String> pending) {
    Set<String> held = new TreeSet<>(pending);
    held.addAll(awaited.keySet());
    return new HoldEvent(held, Set.of());
  }
}
