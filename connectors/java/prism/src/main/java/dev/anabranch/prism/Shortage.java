package dev.anabranch.prism;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * How many copies a record may end with: as many as wanted or, once too few primaries have worked
 * for as long as {@code degrade_after}, as many as primaries work. It goes down after a time, again
 * after as long if another one is lost, and up at once.
 */
final class Shortage {
  private final long degradeAfterNanos;
  private final boolean allowed;

  // Before the first document nobody knows, so nothing can be done with fewer.
  private int wanted = Integer.MAX_VALUE;
  private int enough = Integer.MAX_VALUE;
  private boolean lasts;
  private long sinceNanos;

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
      lasts = false;
    }
  }

  /** To be called at each tick; returns whether fewer copies do than before. */
  boolean look(int working, long now) {
    if (!allowed) {
      return false;
    }
    if (working >= enough) {
      enough = Math.min(working, wanted);
      lasts = false;
      return false;
    }
    if (!lasts) {
      lasts = true;
      sinceNanos = now;
    }
    int fewer = Math.max(1, working);
    if (fewer == enough || now - sinceNanos < degradeAfterNanos) {
      return false;
    }
    enough = fewer;
    return true;
  }
}
