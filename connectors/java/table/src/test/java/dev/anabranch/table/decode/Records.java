package dev.anabranch.table.decode;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import org.jspecify.annotations.Nullable;

/** Raw records for tests. */
public final class Records {
  /** Where all of them come from. */
  public static final Origin ORIGIN = new Origin("a", "cluster-a", "logs-topic", "topic-id", 3);

  private Records() {}

  /** A record with that text as its value, at offset 7. */
  public static RawRecord text(String value) {
    return bytes(null, value.getBytes(UTF_8));
  }

  /** A record with key and value. */
  public static RawRecord bytes(
      byte @Nullable [] key, byte @Nullable [] value, RawHeader... headers) {
    return new RawRecord(
        ORIGIN,
        7,
        1_700_000_000_123L,
        key,
        value,
        RecordId.supplied("logs/r1", 42),
        false,
        headers);
  }
}
