package dev.anabranch.union;

import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * Where the logs that exist when a job starts for the first time are read from. Logs that appear
 * later (new partitions, topics, primaries) are always read from their earliest offset, and a
 * restored job goes on where it was.
 *
 * @param kind what the position goes by
 * @param timestampMs for {@link Kind#TIMESTAMP}, Unix milliseconds
 * @param fallback for {@link Kind#COMMITTED}: what holds where a group has no offset
 */
public record StartPosition(Kind kind, long timestampMs, @Nullable StartPosition fallback)
    implements Serializable {

  /** What a start position goes by. */
  public enum Kind {
    /** The first record that the broker still has. */
    EARLIEST,
    /** Records that come after the job's start, also on a primary that was down then. */
    LATEST,
    /** Records from that time on. */
    TIMESTAMP,
    /** The offsets that a consumer group has committed on each primary. */
    COMMITTED
  }

  /** All that the brokers still have. */
  public static StartPosition earliest() {
    return new StartPosition(Kind.EARLIEST, 0, null);
  }

  /** Only what comes after the job's start. */
  public static StartPosition latest() {
    return new StartPosition(Kind.LATEST, 0, null);
  }

  /** Records whose timestamp is that or later, in Unix milliseconds. */
  public static StartPosition timestamp(long timestampMs) {
    return new StartPosition(Kind.TIMESTAMP, timestampMs, null);
  }

  /** The group's committed offsets, per primary; the fallback where there is none. */
  public static StartPosition committed(StartPosition fallback) {
    if (fallback.kind() == Kind.COMMITTED) {
      throw new IllegalArgumentException("the fallback of committed offsets is another position");
    }
    return new StartPosition(Kind.COMMITTED, 0, fallback);
  }
}
