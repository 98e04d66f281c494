package dev.anabranch.union;

import java.util.Map;
import java.util.Set;

/**
 * Logs that were found new, and how their offsets are to be looked up.
 *
 * @param starts the new logs, all of one primary, and where to begin each
 * @param first whether this is the first look at the primary and its cluster, so that the start
 *     position applies to all of them
 * @param exactEnd whether "latest" may be taken as the log's end now: only at that first look, and
 *     while no attempt to reach the primary has failed since the job's start; otherwise the job's
 *     start time decides
 */
record Lookup(Map<LogId, StartPosition> starts, boolean first, boolean exactEnd) {
  static final Lookup NOTHING = new Lookup(Map.of(), false, false);

  Lookup {
    starts = Map.copyOf(starts);
  }

  /** The new logs. */
  Set<LogId> logs() {
    return starts.keySet();
  }

  /** The bounds of one log, as numbers. */
  record Bounds(long start, long stop) {}
}
