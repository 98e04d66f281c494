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
  private static final int RUN = 64;

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

  boolean anyAdmits(long now) {
    for (int i = 0; i < lanes.size(); i++) {
      if (lanes.get(i).admits(now)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a lane that is not taken could have the send now. */
  boolean canPlace(Send send, long now) {
    return other(send.takenLanes(), false, now) != null;
  }

  /** Whether a lane other than that one is closed, ready and wanted. */
  boolean anyOtherCloses(Lane lane) {
    for (int i = 0; i < lanes.size(); i++) {
      Lane other = lanes.get(i);
      if (other != lane
          && other.active
          && other.isReady()
          && other.breaker.state() == Breaker.State.CLOSED) {
        return true;
      }
    }
    return false;
  }

  /** The lane for the next attempt of that send, or null where none may take it now. */
  @Nullable Lane pick(Send send, long now) {
    long taken = send.takenLanes();
    if ((taken | send.failedLanes) == 0) {
      Lane first = first(send, now);
      if (first != null) {
        return first;
      }
    }
    boolean hedge = send.isCovered();
    Lane fresh = other(taken | send.failedLanes, hedge, now);
    return fresh == null && send.failedLanes != 0 ? other(taken, hedge, now) : fresh;
  }

  private @Nullable Lane first(Send send, long now) {
    if (!home.isEmpty()) {
      Lane lane = named(home);
      return lane != null && lane.admits(now) ? lane : null;
    }
    KeyBytes key = send.upsertKey;
    if (key != null) {
      Lane lane = byKey(key.hashCode());
      return lane != null && lane.admits(now) ? lane : null;
    }
    if (leftInRun > 0 && current != null && current.admits(now)) {
      leftInRun--;
      return current;
    }
    current = nextInTurn(now);
    leftInRun = RUN - 1;
    return current;
  }

  private @Nullable Lane other(long taken, boolean hedge, long now) {
    Lane best = null;
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      if ((taken & lane.bit()) == 0
          && lane.admits(now)
          && (!hedge || lane.isPrompt(hedgeAfterNanos))
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
  private @Nullable Lane nextInTurn(long now) {
    Lane best = null;
    long total = 0;
    for (int i = 0; i < lanes.size(); i++) {
      Lane lane = lanes.get(i);
      if (lane.admits(now)) {
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
      if (lane.active) {
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
