package dev.anabranch.prism;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/** One record on its way. Touched by the engine's thread only. */
final class Send {
  final OutgoingRecord record;
  final RecordId id;
  final @Nullable RecordVersion version;
  final long timestampMs;
  final Delivery.@Nullable Listener listener;

  /** Bytes of key and value. Kept here, since they have left the processor's caches at the end. */
  final int bytes;

  /** The key for which a newer version makes this one needless; null for appends. */
  final @Nullable KeyBytes upsertKey;

  long acceptedNanos;

  /**
   * The version of the key before this one, while neither is done: its duty has come to this one.
   */
  @Nullable Send predecessor;

  /** The next version of the key: it has the duty, and this one is not sent again. */
  @Nullable Send successor;

  int copies;
  int attempts;
  boolean ended;

  /** In the queue for a primary that takes it. */
  boolean waiting;

  /** In the queue for a hedge. */
  boolean wishing;

  boolean ambiguous;

  /** Where its copies lie is told at the end. */
  boolean keepsAcks;

  // Bit i stands for the lane with index i.
  long ackedLanes;
  long outstandingLanes;
  long overdueLanes;
  long refusedLanes;

  /** Why the first primary refused it. */
  @Nullable RecordException refusal;

  /** Those that failed it are asked again only where no other can be. */
  long failedLanes;

  // Neighbours in the list of sends in flight, which is ordered by acceptedNanos.
  @Nullable Send older;
  @Nullable Send newer;

  private @Nullable List<Ack> acks;

  Send(
      OutgoingRecord record,
      RecordId id,
      @Nullable RecordVersion version,
      long timestampMs,
      Delivery.@Nullable Listener listener) {
    this.record = record;
    this.id = id;
    this.version = version;
    this.timestampMs = timestampMs;
    this.listener = listener;
    this.bytes = record.size();
    this.keepsAcks = listener != null;
    byte[] key = record.key();
    this.upsertKey = version == null || key == null ? null : new KeyBytes(key);
  }

  /** Whether it is to be brought to primaries until it is done. */
  boolean isPursued() {
    return !ended && successor == null;
  }

  /** Copies that are neither acknowledged nor freshly under way. */
  int missing() {
    return copies - Long.bitCount(ackedLanes | (outstandingLanes & ~overdueLanes));
  }

  /**
   * Whether another attempt would only be a hedge: so many copies are acknowledged or may well
   * still be.
   *
   * @param leftLanes those whose breaker is not closed: what is overdue there will hardly be
   *     answered sooner than by another
   */
  boolean isCovered(long leftLanes, int needed) {
    return Long.bitCount(ackedLanes | (outstandingLanes & ~(overdueLanes & leftLanes))) >= needed;
  }

  /**
   * Whether all its copies are acknowledged, or no more can be had now and fewer do.
   *
   * @param enough copies that do, at least 1
   */
  boolean isDone(int enough) {
    int acked = Long.bitCount(ackedLanes);
    return acked >= copies || (acked >= enough && refusedLanes == 0 && missing() > 0);
  }

  /** Whether some primary has it and none refuses it. */
  boolean isPartlyDone() {
    return ackedLanes != 0 && refusedLanes == 0;
  }

  /** Whether fewer primaries have acknowledged it than were wanted. */
  boolean isShort() {
    return Long.bitCount(ackedLanes) < copies;
  }

  /** Lanes that must not get another attempt now. */
  long takenLanes() {
    return ackedLanes | outstandingLanes | refusedLanes;
  }

  void addAck(Attempt attempt) {
    ackedLanes |= attempt.lane.bit();
    if (keepsAcks) {
      if (acks == null) {
        acks = new ArrayList<>(copies);
      }
      acks.add(new Ack(attempt.lane.name(), attempt.partition, attempt.offset));
    }
  }

  Delivery delivery(boolean superseded, @Nullable RuntimeException error) {
    List<Ack> all = acks == null ? List.of() : List.copyOf(acks);
    boolean doubtful = ambiguous || outstandingLanes != 0;
    return new Delivery(id, all, copies, attempts, doubtful, superseded, error);
  }

  /** What lies in the logs: with its time and all its headers. */
  OutgoingRecord written() {
    Header[] all = new Headers(this).toArray();
    RawHeader[] headers = new RawHeader[all.length];
    for (int i = 0; i < all.length; i++) {
      headers[i] = new RawHeader(all[i].key(), all[i].value());
    }
    return new OutgoingRecord(
        record.key(),
        record.value(),
        timestampMs,
        headers,
        record.inputId(),
        record.ordinal(),
        record.delete());
  }
}
