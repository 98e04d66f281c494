package dev.anabranch.prism;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RecordId;
import org.jspecify.annotations.Nullable;

/**
 * What a serializer makes of one element. Nobody changes its arrays afterwards: they are kept, not
 * copied, until every copy is acknowledged.
 *
 * @param key the Kafka key; for an upsert the primary key, and then required
 * @param value never null, for deletes too: a Kafka tombstone would expire on each primary by
 *     itself
 * @param timestampMs Unix milliseconds; null takes the element's timestamp in Flink, else the time
 *     of the write. It is the same on every copy.
 * @param headers further headers; those of anabranch are added by the sink
 * @param inputId the id that this record's id is derived from, or, with {@link
 *     RecordIdMode#COLUMNS}, the id itself
 * @param ordinal position of this output among those of the same input, from 0
 * @param delete whether this upsert deletes its key
 */
@SuppressWarnings("ArrayRecordComponent") // Never compared.
public record OutgoingRecord(
    byte @Nullable [] key,
    byte[] value,
    @Nullable Long timestampMs,
    RawHeader[] headers,
    @Nullable RecordId inputId,
    int ordinal,
    boolean delete) {

  /** A record with a value only, for appends. */
  public static OutgoingRecord of(byte[] value) {
    return new OutgoingRecord(null, value, null, RawHeader.NONE, null, 0, false);
  }

  /** A record with a key and a value. */
  public static OutgoingRecord of(byte @Nullable [] key, byte[] value) {
    return new OutgoingRecord(key, value, null, RawHeader.NONE, null, 0, false);
  }

  /** The same with the id of the input, or with its own id. */
  public OutgoingRecord withInputId(RecordId id) {
    return new OutgoingRecord(key, value, timestampMs, headers, id, ordinal, delete);
  }

  /** Bytes of key and value: what counts against the limit of bytes in flight. */
  public int size() {
    return value.length + (key == null ? 0 : key.length);
  }
}
