package dev.anabranch.union;

/** Has a reader look at its clocks once a second: time passes while nothing arrives. */
final class Ticker implements AutoCloseable {
  private static final long STEP_MS = 1000;

  private final Thread thread;

  private Ticker(Runnable tick) {
    thread = new Thread(() -> run(tick), "union-ticker");
    thread.setDaemon(true);
  }

  /** Begins; {@code tick} is called on a thread of the ticker. */
  static Ticker start(Runnable tick) {
    Ticker ticker = new Ticker(tick);
    ticker.thread.start();
    return ticker;
  }

  private static void run(Runnable tick) {
    try {
      while (true) {
        Thread.sleep(STEP_MS);
        tick.run();
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
