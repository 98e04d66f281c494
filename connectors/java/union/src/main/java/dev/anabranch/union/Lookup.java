package dev.anabranch.union;

import java.util.Set;

/**
 * Logs that were found new, and how their offsets are to be looked up.
 *
 * @param logs the new logs, all of one primary
 * @param start where to begin
 * @param first whether the start position applies, since no log of the cluster was known
 * @param exactEnd whether "latest" may be taken as the log's end now: only while no attempt to
 *     reach the primary has failed since the job's start; otherwise the job's start time decides
 */
record Lookup(Set<LogId> logs, StartPosition start, boolean first, boolean exactEnd) {
  static final Lookup NOTHING = new Lookup(Set.of(), StartPosition.earliest(), false, false);

  /** The bounds of one log, as numbers. */
  record Bounds(long start, long stop) {}
}
