package dev.anabranch.union;

import java.io.Serializable;
import java.time.Duration;

/**
 * What the watermark does while a primary cannot be read. In {@link Kind#HOLD} and {@link
 * Kind#ADVANCE} the source itself sees to it that nobody waits for partitions that are silent, so
 * that the job's {@code WatermarkStrategy} needs no {@code withIdleness}.
 *
 * @param kind what it does
 * @param maxHold for {@link Kind#HOLD}: how much time an outage may hold it, summed over restarts
 * @param idleTimeout after this silence nobody waits for a partition; 0 waits for ever
 * @param ofRecords whether the job's event time is the timestamp of Kafka's records
 */
public record WatermarkMode(Kind kind, Duration maxHold, Duration idleTimeout, boolean ofRecords)
    implements Serializable {
  /** Longer than a producer that retries is silent, shorter than people like to wait. */
  public static final Duration IDLE_TIMEOUT = Duration.ofSeconds(10);

  /** What the watermark does. */
  public enum Kind {
    /** As the strategy says: a primary whose partitions are known holds it for ever. */
    STRATEGY,
    /** Waits for each active primary, up to a bound, from before its partitions are known. */
    HOLD,
    /** Goes on without a primary that is silent or down; its records may come late. */
    ADVANCE
  }

  public WatermarkMode {
    if (kind == Kind.HOLD && (maxHold.isNegative() || maxHold.isZero())) {
      throw new IllegalArgumentException("the bound of a hold must be above 0, not " + maxHold);
    }
    if (idleTimeout.isNegative()) {
      throw new IllegalArgumentException("an idle timeout must not be negative: " + idleTimeout);
    }
  }

  /** Leaves watermarks to the job's strategy. */
  public static WatermarkMode strategy() {
    return new WatermarkMode(Kind.STRATEGY, Duration.ZERO, Duration.ZERO, false);
  }

  /**
   * Holds the watermark while an active primary is down or not yet found, so that windows are
   * complete.
   *
   * @param max time down, of one outage and while the job runs, after which it is held no longer:
   *     what the primary has is late then
   */
  public static WatermarkMode hold(Duration max) {
    return new WatermarkMode(Kind.HOLD, max, IDLE_TIMEOUT, false);
  }

  /** Goes on without whoever is silent or down; what comes later may be late. */
  public static WatermarkMode advance() {
    return new WatermarkMode(Kind.ADVANCE, Duration.ZERO, IDLE_TIMEOUT, false);
  }

  /** The same with another idle timeout; 0 waits for silent partitions for ever. */
  public WatermarkMode withIdleTimeout(Duration timeout) {
    return new WatermarkMode(kind, maxHold, timeout, ofRecords);
  }

  /**
   * The same for a job whose event time is the timestamp of Kafka's records, as it is unless the
   * strategy assigns timestamps. Then the source knows which partition is ahead, and the watermark
   * comes to where that one is however long the others take; else for three idle timeouts.
   */
  public WatermarkMode byRecordTime() {
    return new WatermarkMode(kind, maxHold, idleTimeout, true);
  }

  boolean holds() {
    return kind == Kind.HOLD;
  }

  /** Whether the source decides for whom the watermark waits. */
  boolean isManaged() {
    return kind != Kind.STRATEGY;
  }
}
