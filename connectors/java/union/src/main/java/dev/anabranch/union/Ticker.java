package dev.anabranch.union;

import java.time.Duration;

/**
 * Has a reader look at its clocks once a second: time passes while nothing arrives. A process that
 * stood still, for garbage or with its machine, has heard nobody meanwhile; so the first look after
 * that is left out, and answers have a second to come.
 */
final class Ticker implements AutoCloseable {
  private static final long STEP_MS = 1000;

  private static final Duration STOOD_STILL = Duration.ofMillis(2 * STEP_MS);

  private final Thread thread;
  private long beatNanos;

  Ticker(Runnable tick, long nowNanos) {
    beatNanos = nowNanos;
    thread = new Thread(() -> run(tick), "union-ticker");
    thread.setDaemon(true);
  }

  /** Begins; {@code tick} is called on a thread of the ticker. */
  static Ticker start(Runnable tick) {
    Ticker ticker = new Ticker(tick, System.nanoTime());
    ticker.thread.start();
    return ticker;
  }

  /** Whether it is time to look. */
  boolean beat(long nowNanos) {
    boolean stoodStill = nowNanos - beatNanos > STOOD_STILL.toNanos();
    beatNanos = nowNanos;
    return !stoodStill;
  }

  private void run(Runnable tick) {
    try {
      while (true) {
        Thread.sleep(STEP_MS);
        if (beat(System.nanoTime())) {
          tick.run();
        }
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
