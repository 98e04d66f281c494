package dev.anabranch.dedup;

import java.io.Serializable;
import java.time.Duration;

/**
 * How long and how much is remembered.
 *
 * @param horizon how far a record's create time may lie behind the newest one before the record is
 *     late and its id may be forgotten; at least the longest retention of the stream on any primary
 * @param cachedBlocks blocks of up to 4,096 ids kept on the heap of each subtask, of 0.2 to 0.7 KiB
 */
public record DedupOptions(Duration horizon, int cachedBlocks) implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Kafka's default retention of 7 days, and a day for clocks and for retention's own delay. */
  private static final Duration DEFAULT_HORIZON = Duration.ofDays(8);

  /** At most 22 MiB on the heap, and about 0.1 s for the flush before a checkpoint. */
  private static final int DEFAULT_CACHED_BLOCKS = 32_768;

  private static final Duration MIN_HORIZON = Duration.ofMinutes(1);

  public DedupOptions {
    if (horizon.compareTo(MIN_HORIZON) < 0) {
      throw new IllegalArgumentException("dedup's horizon is at least 1 minute, not " + horizon);
    }
    if (cachedBlocks < 1) {
      throw new IllegalArgumentException("dedup caches at least 1 block, not " + cachedBlocks);
    }
  }

  /** A horizon of 8 days and 32,768 cached blocks. */
  public static DedupOptions defaults() {
    return new DedupOptions(DEFAULT_HORIZON, DEFAULT_CACHED_BLOCKS);
  }

  public DedupOptions withHorizon(Duration horizon) {
    return new DedupOptions(horizon, cachedBlocks);
  }

  public DedupOptions withCachedBlocks(int cachedBlocks) {
    return new DedupOptions(horizon, cachedBlocks);
  }

  /**
   * These options, if they suit a stream that is retained that long.
   *
   * @throws IllegalArgumentException if the horizon is shorter: a primary that comes back could
   *     then deliver copies of records that are forgotten already
   */
  public DedupOptions coveringRetention(Duration retention) {
    if (horizon.compareTo(retention) < 0) {
      throw new IllegalArgumentException(
          "dedup's horizon of "
              + horizon
              + " is shorter than the stream's retention of "
              + retention
              + "; set it to the retention at least");
    }
    return this;
  }
}
