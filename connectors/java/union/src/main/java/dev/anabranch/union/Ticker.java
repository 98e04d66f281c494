package dev.anabranch.union;

/** Wakes a bounded reader once a second: a deadline must be seen while nothing arrives. */
final class Ticker implements AutoCloseable {
  private static final long STEP_MS = 1000;

  private final Thread thread;

  private Ticker(Handover handover) {
    thread = new Thread(() -> run(handover), "union-ticker");
    thread.setDaemon(true);
  }

  static Ticker start(Handover handover) {
    Ticker ticker = new Ticker(handover);
    ticker.thread.start();
    return ticker;
  }

  private static void run(Handover handover) {
    try {
      while (true) {
        Thread.sleep(STEP_MS);
        handover.wake();
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
