package dev.anabranch.table.decode;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.dedup.Dedup;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.table.deadletter.Reason;
import dev.anabranch.union.LossReport;

/**
 * Records that operators before the decoding have marked by a header, because they are not to be
 * decoded: late ones, and stand-ins for records that were lost. They keep their place in the one
 * stream, so that they are part of the same checkpoint as the offsets around them.
 */
final class Marks {
  /** Neither late nor a time for de-duplication to go by. */
  private static final long NO_TIMESTAMP = -1;

  private Marks() {}

  /** Stands for a range of lost records; the same loss has the same id, however often reported. */
  static RawRecord lost(LossReport loss) {
    RawHeader mark = new RawHeader(RecordHeaders.LOST, loss.toString().getBytes(UTF_8));
    return new RawRecord(
        loss.origin(),
        loss.fromOffset(),
        NO_TIMESTAMP,
        null,
        null,
        loss.id(),
        false,
        new RawHeader[] {mark});
  }

  /** Whether a record is not to be decoded. */
  static boolean isMarked(RawRecord record) {
    for (RawHeader header : record.headers()) {
      if (header.name().equals(Dedup.LATE_HEADER) || header.name().equals(RecordHeaders.LOST)) {
        return true;
      }
    }
    return false;
  }

  /** Throws where a record is marked. */
  static void check(RawRecord record) throws UndecodableException {
    for (RawHeader header : record.headers()) {
      if (header.name().equals(Dedup.LATE_HEADER)) {
        throw new UndecodableException(
            Reason.LATE,
            "created before the horizon of de-duplication: whether it was seen before is not known");
      }
      byte[] detail = header.value();
      if (header.name().equals(RecordHeaders.LOST) && detail != null) {
        throw new UndecodableException(Reason.LOST, new String(detail, UTF_8));
      }
    }
  }
}
