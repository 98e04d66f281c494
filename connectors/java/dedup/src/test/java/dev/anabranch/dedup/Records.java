package dev.anabranch.dedup;

import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Makes records for tests. */
final class Records {
  static final Origin ORIGIN = new Origin("a", "cluster-a", "topic", "topic-id", 0);

  private Records() {}

  static RawRecord of(RecordId id, long timestampMs) {
    return new RawRecord(ORIGIN, 0, timestampMs, null, null, id, false, RawHeader.NONE);
  }

  static RawRecord foreign(RecordId id, long timestampMs) {
    return new RawRecord(ORIGIN, 0, timestampMs, null, null, id, true, RawHeader.NONE);
  }

  static RawRecord upsert(
      String key, String value, @Nullable RecordVersion version, long timestampMs, boolean delete) {
    List<RawHeader> headers = new ArrayList<>();
    if (version != null) {
      headers.add(new RawHeader(RecordHeaders.VERSION, version.toBytes()));
    }
    if (delete) {
      headers.add(new RawHeader(RecordHeaders.OP, new byte[] {RecordHeaders.OP_DELETE}));
    }
    return new RawRecord(
        ORIGIN,
        0,
        timestampMs,
        key.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        value.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        RecordId.supplied(key + value, timestampMs),
        false,
        headers.toArray(RawHeader.NONE));
  }
}
