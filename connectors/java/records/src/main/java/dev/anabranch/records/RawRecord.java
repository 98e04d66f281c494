package dev.anabranch.records;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A record as it was read, before anything is decoded. Immutable by contract: nobody changes an
 * array that it hands out, so copies are free.
 */
public final class RawRecord {
  /** Of a record whose batch in the log tells no leader epoch, and of one that is in no log. */
  public static final int NO_EPOCH = -1;

  private final Origin origin;
  private final long offset;
  private final int leaderEpoch;
  private final long timestampMs;
  private final byte @Nullable [] key;
  private final byte @Nullable [] value;
  private final RecordId id;
  private final boolean foreign;
  private final RawHeader[] headers;

  /** A record without a leader epoch. */
  public RawRecord(
      Origin origin,
      long offset,
      long timestampMs,
      byte @Nullable [] key,
      byte @Nullable [] value,
      RecordId id,
      boolean foreign,
      RawHeader[] headers) {
    this(origin, offset, NO_EPOCH, timestampMs, key, value, id, foreign, headers);
  }

  /**
   * @param leaderEpoch that of the partition's leader which appended it, or {@link #NO_EPOCH}
   * @param timestampMs the record's create time, Unix milliseconds
   * @param id the id from the header, or the foreign id where there is no valid header
   * @param foreign whether the id was made from the record's place
   * @param headers all Kafka headers, those of anabranch included, in order
   */
  public RawRecord(
      Origin origin,
      long offset,
      int leaderEpoch,
      long timestampMs,
      byte @Nullable [] key,
      byte @Nullable [] value,
      RecordId id,
      boolean foreign,
      RawHeader[] headers) {
    this.origin = origin;
    this.offset = offset;
    this.leaderEpoch = leaderEpoch;
    this.timestampMs = timestampMs;
    this.key = key;
    this.value = value;
    this.id = id;
    this.foreign = foreign;
    this.headers = headers;
  }

  public Origin origin() {
    return origin;
  }

  public long offset() {
    return offset;
  }

  /** That of the partition's leader which appended it, or {@link #NO_EPOCH}. */
  public int leaderEpoch() {
    return leaderEpoch;
  }

  public long timestampMs() {
    return timestampMs;
  }

  public byte @Nullable [] key() {
    return key;
  }

  public byte @Nullable [] value() {
    return value;
  }

  public RecordId id() {
    return id;
  }

  public boolean foreign() {
    return foreign;
  }

  public RawHeader[] headers() {
    return headers;
  }

  /** The value of the last header of that name, as Kafka defines it, or null. */
  public byte @Nullable [] header(String name) {
    for (int i = headers.length - 1; i >= 0; i--) {
      if (headers[i].name().equals(name)) {
        return headers[i].value();
      }
    }
    return null;
  }

  /** The same record with one header more. */
  public RawRecord with(RawHeader header) {
    RawHeader[] more = Arrays.copyOf(headers, headers.length + 1);
    more[headers.length] = header;
    return new RawRecord(origin, offset, leaderEpoch, timestampMs, key, value, id, foreign, more);
  }

  /** The version of an upsert, or null where there is none or it is malformed. */
  public @Nullable RecordVersion version() {
    byte[] bytes = header(RecordHeaders.VERSION);
    return bytes == null || bytes.length != RecordVersion.BYTES
        ? null
        : RecordVersion.fromBytes(bytes);
  }

  /** Whether this upsert deletes its key. */
  public boolean isDelete() {
    byte[] op = header(RecordHeaders.OP);
    return op != null && op.length == 1 && op[0] == RecordHeaders.OP_DELETE;
  }

  @Override
  public String toString() {
    return origin + "@" + offset;
  }
}
