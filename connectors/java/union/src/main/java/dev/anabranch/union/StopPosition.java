package dev.anabranch.union;

import java.io.Serializable;

/**
 * Where a bounded job stops reading. Offsets are looked up once per log, when its primary is first
 * reached, and are in the checkpoints from then on.
 *
 * @param kind what the position goes by
 * @param timestampMs for {@link Kind#TIMESTAMP}, Unix milliseconds
 */
public record StopPosition(Kind kind, long timestampMs) implements Serializable {

  /** What a stop position goes by. */
  public enum Kind {
    /** Never: the job is unbounded. */
    NEVER,
    /** The end of the log when it was looked up. */
    LATEST,
    /** The first record at or after that time. */
    TIMESTAMP,
    /** The offset that the consumer group has committed; where there is none, nothing is read. */
    COMMITTED
  }

  /** The job is unbounded. */
  public static StopPosition never() {
    return new StopPosition(Kind.NEVER, 0);
  }

  /** The end of each log as it is when the job first reaches it. */
  public static StopPosition latest() {
    return new StopPosition(Kind.LATEST, 0);
  }

  /** Records before that time, in Unix milliseconds. */
  public static StopPosition timestamp(long timestampMs) {
    return new StopPosition(Kind.TIMESTAMP, timestampMs);
  }

  /** Up to the group's committed offsets. */
  public static StopPosition committed() {
    return new StopPosition(Kind.COMMITTED, 0);
  }

  boolean isBounded() {
    return kind != Kind.NEVER;
  }
}
