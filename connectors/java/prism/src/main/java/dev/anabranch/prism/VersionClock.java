package dev.anabranch.prism;

import java.util.Collection;
import java.util.function.LongSupplier;

/**
 * The hybrid logical clock that gives upserts their versions: 48 bits of Unix milliseconds, 16 bits
 * of counter. It only grows, also over restores; docs/decisions/0020 tells why it is made so.
 */
final class VersionClock {
  /** How far clocks of machines may disagree, and how far a checkpoint reserves ahead. */
  static final long ALLOWANCE_MS = 60_000;

  private static final int COUNTER_BITS = 16;

  private final LongSupplier wallMs;
  private long last;
  private long ceiling = Long.MAX_VALUE;

  /**
   * @param restored what the writers of the run before left, as far as it came to this one
   */
  VersionClock(LongSupplier wallMs, Collection<VersionFloor> restored) {
    this.wallMs = wallMs;
    long now = wallMs.getAsLong();
    long floor = fromMs(now + ALLOWANCE_MS);
    for (VersionFloor each : restored) {
      // Time since then counts too: of two restores of one checkpoint the later one is above.
      long elapsedMs = Math.max(0, now - each.atMs());
      floor = Math.max(floor, each.ceiling() + fromMs(elapsedMs));
    }
    last = floor;
  }

  /** A value above all before. */
  long next() {
    long now = fromMs(wallMs.getAsLong());
    // Beyond the ceiling it counts on instead of following the wall clock: the counters of the
    // reserved time last for billions of records, so the promise of the checkpoint holds.
    last = now > last && now <= ceiling ? now : last + 1;
    return last;
  }

  /** Reserves the time until the next checkpoint. */
  VersionFloor reserve() {
    long nowMs = wallMs.getAsLong();
    ceiling = Math.max(last, fromMs(nowMs)) + fromMs(ALLOWANCE_MS);
    return new VersionFloor(ceiling, nowMs);
  }

  private static long fromMs(long ms) {
    return ms << COUNTER_BITS;
  }
}
