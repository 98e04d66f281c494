package dev.anabranch.dedup;

import dev.anabranch.records.RawRecord;
import java.util.function.LongSupplier;

/**
 * Tells which create times are still remembered. It goes by the records alone: after an outage of
 * any length it stands where it stood, and nothing is forgotten in the meantime.
 *
 * <p>Time is the greatest create time seen; the wall clock only holds it back, so that a record
 * from the future cannot make it forget. What lies before <em>line</em>, one horizon earlier, is
 * late and may be forgotten. Both only grow, and both are in the operator's state: a longer horizon
 * after a restart must not call a time remembered whose blocks are gone.
 */
final class HorizonClock {
  /** What Kafka hands out for records of its oldest format. */
  private static final long NO_TIMESTAMP = -1;

  private final long horizonMs;
  private final LongSupplier wallClock;
  private long newestMs;
  private long lineMs = Long.MIN_VALUE;
  private long wallMs = Long.MIN_VALUE;

  HorizonClock(long horizonMs, LongSupplier wallClock) {
    this.horizonMs = horizonMs;
    this.wallClock = wallClock;
  }

  /** Goes on from what a subtask knew before a restart; the greatest of several counts. */
  void restore(long newestMs, long lineMs) {
    this.newestMs = Math.max(this.newestMs, newestMs);
    this.lineMs = Math.max(this.lineMs, lineMs);
  }

  /** Takes note of a record's create time; returns whether the line has moved. */
  boolean observe(long timestampMs) {
    if (timestampMs <= newestMs) {
      return false;
    }
    if (timestampMs > wallMs) {
      wallMs = wallClock.getAsLong();
    }
    newestMs = Math.max(newestMs, Math.min(timestampMs, wallMs));
    long line = newestMs - horizonMs;
    if (line <= lineMs) {
      return false;
    }
    lineMs = line;
    return true;
  }

  /** A record's create time; of one without, the newest that is known: it is never late. */
  long timeOf(RawRecord record) {
    long timestampMs = record.timestampMs();
    return timestampMs == NO_TIMESTAMP ? newestMs : timestampMs;
  }

  boolean isLate(long timestampMs) {
    return timestampMs < lineMs;
  }

  long newestMs() {
    return newestMs;
  }

  long lineMs() {
    return lineMs;
  }
}
