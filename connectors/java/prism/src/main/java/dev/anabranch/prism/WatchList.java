package dev.anabranch.prism;

import org.jspecify.annotations.Nullable;

/** The attempts of one lane that still may be answered in time, oldest first. */
final class WatchList {
  private @Nullable Attempt oldest;
  private @Nullable Attempt newest;

  @Nullable Attempt oldest() {
    return oldest;
  }

  void add(Attempt attempt) {
    attempt.watched = true;
    attempt.older = newest;
    if (newest == null) {
      oldest = attempt;
    } else {
      newest.newer = attempt;
    }
    newest = attempt;
  }

  void remove(Attempt attempt) {
    if (!attempt.watched) {
      return;
    }
    attempt.watched = false;
    Attempt before = attempt.older;
    Attempt after = attempt.newer;
    if (before == null) {
      oldest = after;
    } else {
      before.newer = after;
    }
    if (after == null) {
      newest = before;
    } else {
      after.older = before;
    }
    attempt.older = null;
    attempt.newer = null;
  }
}
