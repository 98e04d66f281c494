package dev.anabranch.union;

import java.io.Serializable;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.jspecify.annotations.Nullable;

/**
 * A log and how far it has been read. This, in the readers' checkpoints, is the only truth about
 * offsets.
 *
 * @param log the log's identity
 * @param primary name of the primary that showed the log last; a hint, since primaries get renamed
 * @param topic name of the topic
 * @param nextOffset the first offset that has not been emitted
 * @param leaderEpoch leader epoch of the last record before it, or {@link #NO_EPOCH}
 * @param stopOffset the first offset that is not to be read, or {@link #NO_STOP}
 * @param reportedTo the end of the last range that was reported as lost, or {@link #NOTHING_LOST};
 *     a range is reported once, also when a restored job finds it again
 * @param lost how records of this log were lost, where that keeps it from being read, or null
 * @param formerTopicIds ids of the topics that had this one's name before it. A broker that lags
 *     may still show one of them, which is no word on what became of this one
 */
public record UnionSplit(
    LogId log,
    String primary,
    String topic,
    long nextOffset,
    int leaderEpoch,
    long stopOffset,
    long reportedTo,
    LossReport.@Nullable Kind lost,
    Set<String> formerTopicIds)
    implements SourceSplit, Serializable {
  /** No leader epoch is known. */
  public static final int NO_EPOCH = -1;

  /** The split is read for ever. */
  public static final long NO_STOP = Long.MAX_VALUE;

  /** No loss has been reported. */
  public static final long NOTHING_LOST = -1;

  public UnionSplit {
    formerTopicIds = Set.copyOf(formerTopicIds);
  }

  /** A split that nobody has read from yet. */
  public static UnionSplit fresh(
      LogId log, String primary, String topic, long nextOffset, long stopOffset) {
    return new UnionSplit(
        log, primary, topic, nextOffset, NO_EPOCH, stopOffset, NOTHING_LOST, null, Set.of());
  }

  /** The same split of a topic that took the place of others. */
  UnionSplit behind(Set<String> formerTopicIds) {
    return new UnionSplit(
        log, primary, topic, nextOffset, leaderEpoch, stopOffset, reportedTo, lost, formerTopicIds);
  }

  /**
   * As a run that stops, or one that does not, reads it. A checkpoint of a run that was to stop has
   * its stops; one that is not to would read nothing behind them, and say that it lags by nothing.
   */
  UnionSplit under(boolean bounded) {
    return bounded || stopOffset == NO_STOP
        ? this
        : new UnionSplit(
            log,
            primary,
            topic,
            nextOffset,
            leaderEpoch,
            NO_STOP,
            reportedTo,
            lost,
            formerTopicIds);
  }

  /** A place in a log as Kafka's clients take it, with the epoch of the record before, if known. */
  static OffsetAndMetadata position(long offset, int leaderEpoch) {
    Optional<Integer> epoch = leaderEpoch == NO_EPOCH ? Optional.empty() : Optional.of(leaderEpoch);
    return new OffsetAndMetadata(offset, epoch, "");
  }

  @Override
  public String splitId() {
    return log.splitId();
  }
}
