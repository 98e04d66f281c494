package dev.anabranch.prism;

import java.util.Collection;
import java.util.function.LongSupplier;

/**
 * The hybrid logical clock that gives upserts their versions: 48 bits of Unix milliseconds, 16 bits
 * of counter. It only grows, also over restores; docs/decisions/0020 tells why it is made so.
 */
final class VersionClock {
  /** How far clocks of machines may disagree, and how far ahead of them a start begins. */
  static final long ALLOWANCE_MS = 60_000;

  /**
   * How far ahead of the wall clock a checkpoint reserves. Less than the allowance: a start without
   * state is to be above a run that was restored, which begins above what was reserved.
   */
  static final long RESERVED_MS = 45_000;

  /** How far ahead of its versions a checkpoint reserves at least: 300 million of them. */
  static final long COUNTED_MS = 10_000;

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
    // Close to the ceiling it counts on instead of following the wall clock: what is left lasts for
    // 150 million versions, so the promise of the checkpoint holds. In steps of two: the version
    // between is for a replay of the record before, which must be below all that follows.
    boolean follows = now > last + 1 && now <= ceiling - fromMs(COUNTED_MS / 2);
    last = follows ? now : last + 2;
    return last;
  }

  /** Reserves the time until the next checkpoint. */
  VersionFloor reserve() {
    long nowMs = wallMs.getAsLong();
    ceiling = Math.max(last + fromMs(COUNTED_MS), fromMs(nowMs + RESERVED_MS));
    return new VersionFloor(ceiling, nowMs);
  }

  /**
   * Time since the checkpoint counts too: of two restores of one checkpoint the later one is above.
   * Where this machine's clock is behind that of the checkpoint, a part of it does: enough for two
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
