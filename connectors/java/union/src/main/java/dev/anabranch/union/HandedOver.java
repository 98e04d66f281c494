package dev.anabranch.union;

import java.util.List;
import java.util.concurrent.Semaphore;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/** What goes from fetchers to the task thread; in order for each split. */
sealed interface HandedOver {
  /**
   * What one poll brought.
   *
   * @param permits where the fetcher waits while too much of its is in the queue
   */
  record Fetched(List<Batch> batches, Semaphore permits) implements HandedOver {}

  /**
   * Records of one log without a gap: from {@code fromOffset} up to, not including, {@code
   * nextOffset}. Offsets may be missing between (compaction, transaction markers), and it may be
   * empty.
   */
  record Batch(
      String splitId,
      int attempt,
      long fromOffset,
      List<ConsumerRecord<byte[], byte[]>> records,
      long nextOffset,
      int leaderEpoch) {}

  /** What a fetcher found about a log. */
  record SplitNews(String splitId, int attempt, Verdict verdict, String detail, @Nullable Gap gap)
      implements HandedOver {}

  /**
   * Records that are not there any more.
   *
   * @param resumeAt where reading could go on
   * @param leaderEpoch of the record before that, by which a further cut is noticed, or {@link
   *     UnionSplit#NO_EPOCH}
   */
  record Gap(
      LossReport.Kind kind, long fromOffset, long toOffset, long resumeAt, int leaderEpoch) {}

  /** A primary began or ceased to answer a fetcher. */
  record PrimaryNews(String primary, boolean up, String detail) implements HandedOver {}

  /** The Kafka cluster of this split is gone for good; queued behind what was read of it. */
  record ClusterGone(String splitId) implements HandedOver {}

  /**
   * Where a primary's logs ended.
   *
   * @param askedNanos when the primary was asked
   */
  record EndsSeen(List<End> ends, long askedNanos) implements HandedOver {
    /** The end of one log. */
    record End(String splitId, int attempt, long offset) {}
  }

  /**
   * Splits came, went or are read elsewhere: outputs, and with them watermarks, have to follow.
   *
   * @param queuedNanos when it was queued: what was answered until then is before it, however long
   *     the task takes to get there
   */
  record OutputCheck(long queuedNanos) implements HandedOver {}

  /** A fetcher's thread died, which only an error of the JVM can do. */
  record Fatal(Throwable cause) implements HandedOver {}
}
