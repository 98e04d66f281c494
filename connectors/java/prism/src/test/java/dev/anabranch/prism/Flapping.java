package dev.anabranch.prism;

import dev.anabranch.testkit.FaultyLink;
import java.time.Duration;

/** Cuts a link at once and then opens and cuts it in turn, until it is stopped. */
final class Flapping {
  private final FaultyLink link;
  private final Duration half;
  private final Thread thread = new Thread(this::run, "flapping");
  private volatile int cuts;

  Flapping(FaultyLink link, Duration half) {
    this.link = link;
    this.half = half;
    link.cut();
    cuts = 1;
    thread.start();
  }

  int cuts() {
    return cuts;
  }

  boolean isGoingOn() {
    return thread.isAlive();
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(half.toMillis());
        link.open();
        Thread.sleep(half.toMillis());
        link.cut();
        cuts++;
      }
    } catch (InterruptedException e) {
      // Only stop() interrupts.
    }
  }

  /** Leaves the link as it is. */
  void stop() throws InterruptedException {
    thread.interrupt();
    thread.join();
  }
}
