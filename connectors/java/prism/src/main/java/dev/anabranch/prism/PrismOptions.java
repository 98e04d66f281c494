package dev.anabranch.prism;

import java.io.Serializable;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a Prism chooses, waits and gives up. Immutable; the defaults suit brokers a few milliseconds
 * away.
 *
 * @param home name of the primary that takes everything while it works; empty: all by weight
 * @param weights share of each primary by name; who is absent has 1
 * @param hedgeAfter how long an attempt may stay unanswered before another primary gets the record
 *     too; well above the slowest usual acknowledgement
 * @param maxBlock how long a record may stay undelivered before the send fails; less than the
 *     checkpoint timeout
 * @param degradeAfter how long fewer primaries may work than there are to be copies before records
 *     that at least one has acknowledged are done with those that can be had; null: such records
 *     wait
 * @param maxInFlightRecords records accepted and not yet done, per writer
 * @param maxInFlightBytes their keys and values, per writer
 * @param maxStale age of the topology document beyond which nothing more is written
 * @param topologyInterval how often the document is looked up
 * @param cacheDirectory where the last good document is kept; null for none
 * @param kafka further producer properties, over those of anabranch; refused are those that Prism's
 *     promises rest on, such as {@code acks}
 */
public record PrismOptions(
    String home,
    Map<String, Integer> weights,
    Duration hedgeAfter,
    Duration maxBlock,
    @Nullable Duration degradeAfter,
    int maxInFlightRecords,
    long maxInFlightBytes,
    Duration maxStale,
    Duration topologyInterval,
    @Nullable String cacheDirectory,
    Map<String, String> kafka)
    implements Serializable {

  public PrismOptions {
    weights = Map.copyOf(weights);
    kafka = Map.copyOf(kafka);
    ProducerConfigs.check(kafka.keySet());
    requirePositive("hedge-after", hedgeAfter);
    requirePositive("max-block", maxBlock);
    requirePositive("max-stale", maxStale);
    requirePositive("topology-interval", topologyInterval);
    if (maxInFlightRecords < 1 || maxInFlightBytes < 1) {
      throw new IllegalArgumentException("max-in-flight must be at least 1 record and 1 byte");
    }
    if (hedgeAfter.compareTo(maxBlock) >= 0) {
      throw new IllegalArgumentException(
          "hedge-after (" + hedgeAfter + ") must be less than max-block (" + maxBlock + ")");
    }
    if (degradeAfter != null) {
      requirePositive("degrade-after", degradeAfter);
      if (degradeAfter.compareTo(maxBlock) >= 0) {
        throw new IllegalArgumentException(
            "degrade-after ("
                + degradeAfter
                + ") must be less than max-block ("
                + maxBlock
                + "), after which a record has failed");
      }
    }
  }

  /**
   * For where a job is planned: throws {@link IllegalArgumentException} where degradeAfter is set
   * for a stream of one copy. It is no error of a writer, whose stream may have had more at first.
   */
  public void checkCopies(String stream, int copies) {
    if (degradeAfter != null && copies < 2) {
      throw new IllegalArgumentException(
          "degrade-after is for streams with 2 or more copies, and the topology wants "
              + copies
              + " of stream '"
              + stream
              + "': leave it out, or raise 'copies' there");
    }
  }

  /** The defaults. */
  public static PrismOptions defaults() {
    return builder().build();
  }

  /** A builder that starts from the defaults. */
  public static PrismOptionsBuilder builder() {
    return new PrismOptionsBuilder();
  }

  private static void requirePositive(String name, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw new IllegalArgumentException(name + " must be more than 0, not " + value);
    }
  }
}
