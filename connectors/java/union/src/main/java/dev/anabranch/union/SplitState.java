package dev.anabranch.union;

import dev.anabranch.records.Origin;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A split while a reader has it. The offset moves with each emitted record, on the task thread, so
 * that a snapshot between two records is exact.
 */
final class SplitState {
  private final LogId log;
  private final String topic;
  private final String splitId;
  private final long stopOffset;
  private final Set<String> formerTopicIds;
  private final LogEnd end = new LogEnd();
  private String primary;
  private RecordConverter converter;
  private long nextOffset;
  private int leaderEpoch;
  private long reportedTo;
  private long highestMs = -1;
  private int attempt;
  private boolean paused;
  private boolean pauseAsked;
  private LossReport.@Nullable Kind lost;
  private @Nullable String route;
  private @Nullable Verdict otherTopic;

  // What metrics read from other threads; offsets are a batch late, which saves a fence per record.
  private volatile String parked = "waits for the topology";
  private volatile boolean abandoned;
  private volatile long shownOffset;
  private volatile long shownTimestampMs = -1;

  SplitState(UnionSplit split) {
    this.log = split.log();
    this.topic = split.topic();
    this.splitId = split.splitId();
    this.stopOffset = split.stopOffset();
    this.formerTopicIds = split.formerTopicIds();
    this.primary = split.primary();
    this.nextOffset = split.nextOffset();
    this.leaderEpoch = split.leaderEpoch();
    this.reportedTo = split.reportedTo();
    this.lost = split.lost();
    this.shownOffset = nextOffset;
    this.converter = new RecordConverter(origin(split.primary()));
  }

  UnionSplit toSplit() {
    return new UnionSplit(
        log, primary, topic, nextOffset, leaderEpoch, stopOffset, reportedTo, lost, formerTopicIds);
  }

  /** The next order for a fetcher; what older orders still bring is void from now on. */
  FetchOrder order() {
    attempt++;
    return new FetchOrder(
        log, topic, formerTopicIds, nextOffset, leaderEpoch, stopOffset, attempt, paused, end);
  }

  /** What the last order still brings is void from now on, too. */
  void voidOrder() {
    attempt++;
  }

  /**
   * A record of that leader epoch has been emitted. As in Kafka's consumer, the epoch belongs to
   * the offset behind the record: with that of an earlier leader, a broker would have to say that
   * the log was truncated below the offset.
   */
  void emitted(long offset, int epoch, long timestampMs) {
    nextOffset = offset + 1;
    leaderEpoch = epoch;
    highestMs = Math.max(highestMs, timestampMs);
  }

  /**
   * All of a batch has been emitted; it may end behind its last record. A batch of a newer order
   * may end before what the older one's still emitted: that takes nothing back.
   */
  void batchEmitted(long offset, int epoch, long timestampMs) {
    if (offset >= nextOffset) {
      moveTo(offset, epoch);
    }
    if (timestampMs >= 0) {
      shownTimestampMs = timestampMs;
    }
  }

  /** Goes on at another offset. */
  void moveTo(long offset, int epoch) {
    nextOffset = offset;
    leaderEpoch = epoch;
    shownOffset = offset;
  }

  /** The primary that shows this log now goes by that name. */
  void foundOn(String name) {
    if (!name.equals(primary)) {
      primary = name;
      converter = new RecordConverter(origin(name));
    }
  }

  private Origin origin(String name) {
    return new Origin(name, log.clusterId(), topic, log.topicId(), log.partition());
  }

  RecordConverter converter() {
    return converter;
  }

  boolean isFinished() {
    return nextOffset >= stopOffset;
  }

  /** The same for metrics, a batch late. */
  boolean isShownFinished() {
    return shownOffset >= stopOffset;
  }

  LogId log() {
    return log;
  }

  String topic() {
    return topic;
  }

  String splitId() {
    return splitId;
  }

  /** Name of the primary that showed the log last. */
  String primary() {
    return primary;
  }

  long nextOffset() {
    return nextOffset;
  }

  int leaderEpoch() {
    return leaderEpoch;
  }

  long stopOffset() {
    return stopOffset;
  }

  int attempt() {
    return attempt;
  }

  /** Up to where a loss has been reported. */
  long reportedTo() {
    return reportedTo;
  }

  void reportedTo(long offset) {
    reportedTo = offset;
  }

  /** How records of this log were lost, where that keeps it from being read. */
  LossReport.@Nullable Kind lost() {
    return lost;
  }

  void lost(LossReport.@Nullable Kind kind) {
    lost = kind;
    abandoned = false;
  }

  /** Nobody waits for this log any more; it is kept in case that it comes back after all. */
  void abandon() {
    abandoned = true;
  }

  boolean isAbandoned() {
    return abandoned;
  }

  /** Whether a bounded read waits for it no longer: read to its stop offset, or given up. */
  boolean isDone() {
    return isFinished() || isAbandoned();
  }

  /** How long the log was when it was last seen. */
  LogEnd end() {
    return end;
  }

  /** The highest timestamp of what this reader has emitted, or -1. */
  long highestMs() {
    return highestMs;
  }

  /** The primary whose fetcher has the split, or null. */
  @Nullable String route() {
    return route;
  }

  void route(@Nullable String primaryName) {
    route = primaryName;
    otherTopic = null;
  }

  /** Which other topic was found last in the place of this log's, or null where none was. */
  @Nullable Verdict otherTopic() {
    return otherTopic;
  }

  void otherTopic(@Nullable Verdict found) {
    otherTopic = found;
  }

  /** Whether the topic of that id was there before this log's. */
  boolean isFormer(String topicId) {
    return formerTopicIds.contains(topicId);
  }

  boolean isPaused() {
    return paused;
  }

  void paused(boolean now) {
    paused = now;
  }

  /** Whether watermark alignment wants the split paused, be it or not. */
  boolean isPauseAsked() {
    return pauseAsked;
  }

  void pauseAsked(boolean now) {
    pauseAsked = now;
  }

  /** Why the split is not being read; empty while it is. Any thread. */
  String parked() {
    return parked;
  }

  void parked(String reason) {
    parked = reason;
  }

  /** Offset of the next record, at most a batch old. Any thread. */
  long shownOffset() {
    return shownOffset;
  }

  /** Timestamp of the record emitted last, or -1. Any thread. */
  long shownTimestampMs() {
    return shownTimestampMs;
  }

  /** How many records wait in the log as it was last seen; 0 while that is unknown. Any thread. */
  long lag() {
    long known = Math.min(end.offset(), stopOffset);
    return known == LogEnd.UNKNOWN ? 0 : Math.max(0, known - shownOffset);
  }
}
