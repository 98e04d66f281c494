package dev.anabranch.prism;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How many copies a record may end with: as many as wanted or, once too few primaries have worked
 * for as long as {@code degrade_after}, as many as primaries work. Each number of copies has a
 * clock of its own, which starts when fewer primaries work. So where the third of three was lost
 * for that time, and just then the second is, two copies are wanted for as long again. It goes up
 * at once.
 */
final class Shortage {
  private final long degradeAfterNanos;
  private final boolean allowed;

  // Before the first document nobody knows, so nothing can be done with fewer.
  private int wanted = Integer.MAX_VALUE;
  private int enough = Integer.MAX_VALUE;
  private int worked;

  /** At [n], while no more than n primaries work: since when. */
  private long[] sinceNanos = {};

  /**
   * @param degradeAfter null: no record ever ends with fewer
   */
  Shortage(@Nullable Duration degradeAfter) {
    this.allowed = degradeAfter != null;
    this.degradeAfterNanos = degradeAfter == null ? 0 : degradeAfter.toNanos();
  }

  /** Whether a record may end with fewer copies at all. */
  boolean isAllowed() {
    return allowed;
  }

  /** Copies that do now; at least 1. */
  int enough() {
    return enough;
  }

  /** Goes over to another number of wanted copies. */
  void want(int copies) {
    if (copies != wanted) {
      wanted = copies;
      enough = copies;
      worked = copies;
      sinceNanos = new long[copies];
    }
  }

  /** To be called at each tick; returns whether fewer copies do than before. */
  boolean look(int working, long now) {
    if (!allowed || sinceNanos.length == 0) {
      return false;
    }
    int works = Math.min(working, wanted);
    for (int fewer = works; fewer < worked; fewer++) {
      sinceNanos[fewer] = now;
    }
    worked = works;
    int before = enough;
    enough = Math.max(1, works);
    while (enough < wanted && now - sinceNanos[enough] < degradeAfterNanos) {
      enough++;
    }
    return enough < before;
  }
}
