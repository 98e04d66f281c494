package dev.anabranch.union;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Measures for how long primaries have kept a bounded read from its end. */
final class StallClock {
  private final Duration deadline;
  private final Map<String, Long> since = new HashMap<>();

  StallClock(Duration deadline) {
    this.deadline = deadline;
  }

  /** Takes note of those that stall now; returns those that have for too long. */
  Set<String> overdue(Set<String> stalled, long nowNanos) {
    since.keySet().retainAll(stalled);
    Set<String> overdue = new TreeSet<>();
    for (String name : stalled) {
      if (nowNanos - since.computeIfAbsent(name, any -> nowNanos) > deadline.toNanos()) {
        overdue.add(name);
      }
    }
    return overdue;
  }
}
