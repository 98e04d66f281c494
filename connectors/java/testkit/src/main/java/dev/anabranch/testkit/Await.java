package dev.anabranch.testkit;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits for conditions in place of fixed times. */
public final class Await {
  private static final long STEP_MS = 50;

  private Await() {}

  /** Something asserted, that may throw. */
  public interface Assertion {
    void check() throws Exception;
  }

  /** Returns once an assertion holds; throws its last {@link AssertionError} after the limit. */
  public static void untilAsserted(Assertion assertion, Duration limit) throws Exception {
    long deadline = System.nanoTime() + limit.toNanos();
    while (true) {
      try {
        assertion.check();
        return;
      } catch (AssertionError notYet) {
        if (System.nanoTime() > deadline) {
          throw notYet;
        }
      }
      Thread.sleep(STEP_MS);
    }
  }

  /** Returns once the condition holds; throws {@link AssertionError} after the limit. */
  public static void until(Callable<Boolean> condition, Duration limit) throws Exception {
    long deadline = System.nanoTime() + limit.toNanos();
    while (!condition.call()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("not so within " + limit.toSeconds() + " s");
      }
      Thread.sleep(STEP_MS);
    }
  }
}
