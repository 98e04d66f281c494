package dev.anabranch.prism;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Picks the primary for an attempt: the home while it works; an upsert's own primary, found by its
 * key, so that compaction meets all versions of a key in one log; else all in turn, by weight and
 * in runs, so that batches fill.
 */
final class Chooser {
  /** Long enough for batches of small records to fill, short enough that all primaries are used. */
  private static final int SHORTEST_RUN = 64;

  /**
   * A run is this part of what is in flight, where that is more: under load batches are larger, and
   * no primary has a much larger share than another of what waits at any time.
   */
  private static final int RUNS_IN_FLIGHT = 32;

  private final String home;
  private final long hedgeAfterNanos;
  private final List<Lane> lanes = new ArrayList<>();
  private @Nullable Lane current;
  private int leftInRun;

  Chooser(String home, long hedgeAfterNanos) {
    this.home = home;
    this.hedgeAfterNanos = hedgeAfterNanos;
  }

  void setLanes(List<Lane> all) {
    lanes.clear();
    lanes.addAll(all);
    current = null;
  }

  boolean anyAdmits() {
    for (int i = 0; i < lanes.size(); i++) {
      if (lanes.get(i).admits()) {
        return true;
      }
    }
    return false;
  }

  /** How many lanes work: one that has fallen silent does not, and so is none that is asked. */
  int working() {
    int working = 0;
    for (int i = 0; i < lanes.size(); i++) {
      working += lanes.get(i).works() ? 1 : 0;
    }
    return working;
  }

  /** Bits of the lanes whose breaker is not closed. */
  long left() {
    long left = 0;
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      left |= lane.breaker.state() == Breaker.State.CLOSED ? 0 : lane.bit();
    }
    return left;
  }

  /** The lane for the next attempt of that send, or null where none may take it now. */
  @Nullable Lane pick(Send send) {
    long taken = send.takenLanes();
    if ((taken | send.failedLanes) == 0) {
      Lane first = first(send);
      if (first != null) {
        return first;
      }
    }
    boolean hedge = send.isCovered(left(), send.copies);
    Lane fresh = other(taken | send.failedLanes, hedge);
    return fresh == null && send.failedLanes != 0 ? other(taken, hedge) : fresh;
  }

  private @Nullable Lane first(Send send) {
    KeyBytes key = send.upsertKey;
    if (key == null || !home.isEmpty()) {
      // Also while the home works: a primary that is back must be known to be, when it is needed.
      Lane probe = toProbe();
      if (probe != null) {
        return probe;
      }
    }
    Lane preferred = !home.isEmpty() ? named(home) : key != null ? byKey(key.hashCode()) : null;
    if (preferred != null && preferred.admits()) {
      return preferred;
    }
    return key == null ? inTurn() : null;
  }

  private @Nullable Lane toProbe() {
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      if (lane.breaker.awaitsProbe() && lane.admits()) {
        return lane;
      }
    }
    return null;
  }

  private @Nullable Lane inTurn() {
    if (leftInRun > 0 && current != null && current.admits()) {
      leftInRun--;
      return current;
    }
    current = nextInTurn();
    leftInRun = Math.max(SHORTEST_RUN, outstanding() / RUNS_IN_FLIGHT) - 1;
    return current;
  }

  private int outstanding() {
    int sum = 0;
    for (int i = 0; i < lanes.size(); i++) {
      sum += lanes.get(i).outstanding();
    }
    return sum;
  }

  private @Nullable Lane other(long taken, boolean hedge) {
    Lane best = null;
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      if ((taken & lane.kin) == 0
          && lane.admits()
          && (!hedge || lane.breaker.awaitsProbe() || lane.isPrompt(hedgeAfterNanos))
          && (best == null || isBetter(lane, best))) {
        best = lane;
      }
    }
    return best;
  }

  /** Closed before half-open, the home before others, then who has less under way. */
  private boolean isBetter(Lane lane, Lane than) {
    if (lane.breaker.state() != than.breaker.state()) {
      return lane.breaker.state() == Breaker.State.CLOSED;
    }
    if (lane.name().equals(home) || than.name().equals(home)) {
      return lane.name().equals(home);
    }
    return (long) lane.outstanding() * than.weight < (long) than.outstanding() * lane.weight;
  }

  /** Smooth weighted round robin over those that may take something now. */
  private @Nullable Lane nextInTurn() {
    Lane best = null;
    long total = 0;
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      if (lane.admits()) {
        lane.credit += lane.weight;
        total += lane.weight;
        if (best == null || lane.credit > best.credit) {
          best = lane;
        }
      }
    }
    if (best != null) {
      best.credit -= total;
    }
    return best;
  }

  /** Rendezvous hashing over the wanted lanes: a lane that comes or goes moves only its share. */
  private @Nullable Lane byKey(int hash) {
    Lane best = null;
    double bestScore = 0;
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      if (lane.active && lane.twin() == null) {
        double score = score(hash, lane);
        if (best == null || score > bestScore) {
          best = lane;
          bestScore = score;
        }
      }
    }
    return best;
  }

  private static double score(int hash, Lane lane) {
    long mixed = (hash * 0x9E3779B97F4A7C15L) ^ (lane.name().hashCode() * 0xC2B2AE3D27D4EB4FL);
    mixed = (mixed ^ (mixed >>> 32)) * 0xD6E8FEB86659FD93L;
    double uniform = ((mixed >>> 11) + 1) / (double) (1L << 53);
    return lane.weight / -Math.log(Math.min(uniform, 1 - 1e-16));
  }

  private @Nullable Lane named(String name) {
    for (int i = 0; i < lanes.size(); i++) {
      if (lanes.get(i).name().equals(name)) {
        return lanes.get(i);
      }
    }
    return null;
  }
}
