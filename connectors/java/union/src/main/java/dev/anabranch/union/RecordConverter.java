package dev.anabranch.union;

import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import java.util.Arrays;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/**
 * Makes raw records of one log. Costs one object a record besides its id and headers: the origin is
 * shared, and the hash in foreign ids is made once.
 */
final class RecordConverter {
  private final Origin origin;
  private final RecordId firstForeign;

  RecordConverter(Origin origin) {
    this.origin = origin;
    this.firstForeign =
        RecordId.foreign(origin.clusterId(), origin.topicId(), origin.partition(), 0);
  }

  Origin origin() {
    return origin;
  }

  RawRecord convert(ConsumerRecord<byte[], byte[]> record) {
    Header[] found = record.headers().toArray();
    RawHeader[] headers = found.length == 0 ? RawHeader.NONE : new RawHeader[found.length];
    byte[] id = null;
    int marks = 0;
    for (int i = 0; i < found.length; i++) {
      RawHeader header = new RawHeader(found[i].key(), found[i].value());
      headers[i] = header;
      if (RecordHeaders.ID.equals(header.name())) {
        id = header.value();
      } else if (RecordHeaders.isMark(header.name())) {
        marks++;
      }
    }
    boolean foreign = id == null || id.length != RecordId.BYTES;
    return raw(
        record,
        foreign ? null : RecordId.fromBytes(id),
        marks == 0 ? headers : withoutMarks(headers));
  }

  /** For whom looks at the value alone: the headers stay undecoded. */
  RawRecord withoutHeaders(ConsumerRecord<byte[], byte[]> record) {
    return raw(record, null, RawHeader.NONE);
  }

  /** With the id of its header, or without one that of its place. */
  private RawRecord raw(
      ConsumerRecord<byte[], byte[]> record, @Nullable RecordId id, RawHeader[] headers) {
    return new RawRecord(
        origin,
        record.offset(),
        record.leaderEpoch().orElse(RawRecord.NO_EPOCH),
        record.timestamp(),
        record.key(),
        record.value(),
        id == null ? foreignId(record.offset()) : id,
        id == null,
        headers);
  }

  /** A job would set records with these headers aside, but only its own operators may say so. */
  private static RawHeader[] withoutMarks(RawHeader[] headers) {
    return Arrays.stream(headers)
        .filter(header -> !RecordHeaders.isMark(header.name()))
        .toArray(RawHeader[]::new);
  }

  private RecordId foreignId(long offset) {
    return new RecordId(firstForeign.high(), firstForeign.low() | (offset & RecordId.MAX_SEQUENCE));
  }
}
