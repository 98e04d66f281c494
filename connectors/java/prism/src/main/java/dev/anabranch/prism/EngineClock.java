package dev.anabranch.prism;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * The engine's time: it stands still while the whole process stood still (a long collection, a
 * starved or suspended machine), so that acknowledgements which could not be seen do not count as
 * missing. A daemon thread of its own notices that, and calls for a tick at each interval.
 */
final class EngineClock implements AutoCloseable {
  /** A thread that wakes this many intervals late was not merely scheduled late. */
  private static final int LATE_INTERVALS = 4;

  private final LongSupplier nanoTime;
  private final long intervalNanos;
  private final Runnable onTick;
  private final Thread thread;
  private volatile long pausedNanos;
  private volatile boolean closed;
  private long latest = Long.MIN_VALUE;

  EngineClock(String name, Duration interval, LongSupplier nanoTime, Runnable onTick) {
    this.nanoTime = nanoTime;
    this.intervalNanos = interval.toNanos();
    this.onTick = onTick;
    this.thread = new Thread(this::run, "prism-clock-" + name);
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** Nanoseconds, never going back. On the engine's thread only. */
  long now() {
    long now = nanoTime.getAsLong() - pausedNanos;
    if (latest == Long.MIN_VALUE || now - latest > 0) {
      latest = now;
    }
    return latest;
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }

  private void run() {
    long before = nanoTime.getAsLong();
    while (!closed) {
      try {
        Thread.sleep(intervalNanos / 1_000_000, (int) (intervalNanos % 1_000_000));
      } catch (InterruptedException e) {
        // Only close() interrupts.
        return;
      }
      long now = nanoTime.getAsLong();
      before = woke(before, now);
      onTick.run();
    }
  }

  /** Takes what is too long off the clock; returns the time from which the next sleep counts. */
  private long woke(long before, long now) {
    long slept = now - before;
    if (slept > LATE_INTERVALS * intervalNanos) {
      pausedNanos += slept - intervalNanos;
    }
    return now;
  }
}
