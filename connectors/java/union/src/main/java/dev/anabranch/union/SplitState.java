package dev.anabranch.union;

import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
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
  private final LogEnd end = new LogEnd();
  private final long foreignHigh;
  private final long foreignLow;
  private String primary;
  private Origin origin;
  private long reportedTo;
  private LossReport.@Nullable Kind lost;
  private long lastTimestampMs = -1;
  private int attempt;
  private @Nullable String route;
  private String parked = "waits for the topology";
  private boolean paused;
  // Read by metrics from other threads; they may be a little late.
  private volatile long nextOffset;
  private int leaderEpoch;

  SplitState(UnionSplit split) {
    this.log = split.log();
    this.topic = split.topic();
    this.splitId = split.splitId();
    this.stopOffset = split.stopOffset();
    this.primary = split.primary();
    this.nextOffset = split.nextOffset();
    this.leaderEpoch = split.leaderEpoch();
    this.reportedTo = split.reportedTo();
    this.lost = split.lost();
    this.origin = origin();
    RecordId first = RecordId.foreign(log.clusterId(), log.topicId(), log.partition(), 0);
    this.foreignHigh = first.high();
    this.foreignLow = first.low();
  }

  UnionSplit toSplit() {
    return new UnionSplit(
        log, primary, topic, nextOffset, leaderEpoch, stopOffset, reportedTo, lost);
  }

  /** The next order for a fetcher; what older orders still bring is void from now on. */
  FetchOrder order() {
    attempt++;
    return new FetchOrder(log, topic, nextOffset, leaderEpoch, stopOffset, attempt, paused, end);
  }

  /** Makes the record that is handed on, and only that: one object and its headers. */
  RawRecord convert(ConsumerRecord<byte[], byte[]> record) {
    Header[] found = record.headers().toArray();
    RawHeader[] headers = found.length == 0 ? RawHeader.NONE : new RawHeader[found.length];
    byte[] id = null;
    for (int i = 0; i < found.length; i++) {
      String name = found[i].key();
      byte[] value = found[i].value();
      headers[i] = new RawHeader(name, value);
      if (name.equals(RecordHeaders.ID)) {
        id = value;
      }
    }
    boolean foreign = id == null || id.length != RecordId.BYTES;
    return new RawRecord(
        origin,
        record.offset(),
        record.timestamp(),
        record.key(),
        record.value(),
        foreign ? foreignId(record.offset()) : RecordId.fromBytes(id),
        foreign,
        headers);
  }

  private RecordId foreignId(long offset) {
    return new RecordId(foreignHigh, foreignLow | (offset & RecordId.MAX_SEQUENCE));
  }

  /** A record has been emitted. */
  void emitted(long offset, long timestampMs) {
    lastTimestampMs = timestampMs;
    nextOffset = offset + 1;
  }

  /** A batch has been emitted to its end, which may lie behind its last record. */
  void moveTo(long offset, int epoch) {
    nextOffset = offset;
    leaderEpoch = epoch;
  }

  /** The primary that shows this log now goes by that name. */
  void foundOn(String name) {
    if (!name.equals(primary)) {
      primary = name;
      origin = origin();
    }
  }

  private Origin origin() {
    return new Origin(primary, log.clusterId(), topic, log.topicId(), log.partition());
  }

  boolean isFinished() {
    return nextOffset >= stopOffset;
  }

  /** Whether the split is being read, as far as is known. */
  boolean isReading() {
    return parked.isEmpty();
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

  String primary() {
    return primary;
  }

  Origin currentOrigin() {
    return origin;
  }

  long nextOffset() {
    return nextOffset;
  }

  long stopOffset() {
    return stopOffset;
  }

  LogEnd end() {
    return end;
  }

  long lastTimestampMs() {
    return lastTimestampMs;
  }

  int attempt() {
    return attempt;
  }

  long reportedTo() {
    return reportedTo;
  }

  void reportedTo(long offset) {
    reportedTo = offset;
  }

  LossReport.@Nullable Kind lost() {
    return lost;
  }

  void lost(LossReport.@Nullable Kind kind) {
    lost = kind;
  }

  @Nullable String route() {
    return route;
  }

  void route(@Nullable String primaryName) {
    route = primaryName;
  }

  /** Why the split is not being read; empty while it is. */
  String parked() {
    return parked;
  }

  void parked(String reason) {
    parked = reason;
  }

  boolean isPaused() {
    return paused;
  }

  void paused(boolean now) {
    paused = now;
  }
}
