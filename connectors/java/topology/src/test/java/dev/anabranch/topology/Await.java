package dev.anabranch.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.BooleanSupplier;

/** Waits for a condition, long enough for a machine that is busy with other things. */
final class Await {
  private static final long DEADLINE_MS = 20_000;

  private Await() {}

  static void until(BooleanSupplier condition) throws InterruptedException {
    long end = System.currentTimeMillis() + DEADLINE_MS;
    while (!condition.getAsBoolean() && System.currentTimeMillis() < end) {
      Thread.sleep(10);
    }
    assertThat(condition.getAsBoolean()).as("condition within %d ms", DEADLINE_MS).isTrue();
  }
}
