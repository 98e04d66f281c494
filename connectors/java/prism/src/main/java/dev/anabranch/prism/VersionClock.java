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
  private static final int BEHIND = 16;

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
      floor = Math.max(floor, each.ceiling() + elapsed(now - each.atMs()));
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

  /**
   * Time since the checkpoint counts too: of two restores of one checkpoint the later one is above.
   * Where this machine's clock is behind that of the checkpoint, a part of it does: enough for four
   * million versions a second, and little enough for restart after restart not to run ahead.
   */
  private static long elapsed(long ms) {
    return ms < 0
        ? fromMs(Math.max(0, ms + ALLOWANCE_MS)) / BEHIND
        : fromMs(ms) + fromMs(ALLOWANCE_MS) / BEHIND;
  }

  private static long fromMs(long ms) {
    return ms << COUNTER_BITS;
  }
}
