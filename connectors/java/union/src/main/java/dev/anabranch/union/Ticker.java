package dev.anabranch.union;

import java.time.Duration;

/**
 * Has a reader look at its clocks once a second: time passes while nothing arrives. A process that
 * stood still, for garbage or with its machine, has heard nobody meanwhile; so the first look after
 * that is told from others: who was not heard is not away for that, and answers have a second to
 * come. Not twice in a row, since a machine may be that slow for good.
 */
final class Ticker implements AutoCloseable {
  private static final long STEP_MS = 1000;

  private static final Duration STOOD_STILL = Duration.ofMillis(2 * STEP_MS);

  private final Thread thread;
  private long beatNanos;
  private boolean leftOut;

  /** Called on the ticker's thread. */
  interface Tick {
    /**
     * Another second is over.
     *
     * @param stoodStill whether this process did
     */
    void tick(boolean stoodStill);
  }

  Ticker(Tick tick, long nowNanos) {
    beatNanos = nowNanos;
    thread = new Thread(() -> run(tick), "union-ticker");
    thread.setDaemon(true);
  }

  /** Begins. */
  static Ticker start(Tick tick) {
    Ticker ticker = new Ticker(tick, System.nanoTime());
    ticker.thread.start();
    return ticker;
  }

  /** Whether the process stood still until now. */
  boolean stoodStill(long nowNanos) {
    leftOut = !leftOut && nowNanos - beatNanos > STOOD_STILL.toNanos();
    beatNanos = nowNanos;
    return leftOut;
  }

  private void run(Tick tick) {
    try {
      while (true) {
        Thread.sleep(STEP_MS);
        tick.tick(stoodStill(System.nanoTime()));
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
