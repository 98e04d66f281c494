package dev.anabranch.azureblob;

import java.lang.management.ManagementFactory;
import java.util.concurrent.Callable;

/**
 * How much heap is in use while something runs, right after collections that are asked for all the
 * while; so not to be done while time is measured.
 */
final class LiveHeap {
  private static final long PAUSE_MS = 20;

  private LiveHeap() {}

  /** The peak over what was in use before, in bytes. */
  static long peak(Callable<Void> work) throws Exception {
    long before = collect();
    long[] most = {0};
    Thread looking =
        new Thread(
            () -> {
              try {
                while (true) {
                  most[0] = Math.max(most[0], collect());
                  Thread.sleep(PAUSE_MS);
                }
              } catch (InterruptedException e) {
                // The work is done.
              }
            });
    looking.start();
    try {
      work.call();
    } finally {
      looking.interrupt();
      looking.join();
    }
    return most[0] - before;
  }

  private static long collect() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
