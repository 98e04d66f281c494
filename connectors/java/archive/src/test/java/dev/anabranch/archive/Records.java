package dev.anabranch.archive;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.file.DataFileStream;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;

/** Raw records made by hand, and what is read of archived ones by Avro's own reader. */
final class Records {
  static final Origin ORIGIN = new Origin("a", "cluster", "logs-topic", "topic-id", 3);

  private Records() {}

  static RawRecord at(long offset, long timestampMs) {
    return new RawRecord(
        ORIGIN,
        offset,
        timestampMs,
        null,
        ("value-" + offset).getBytes(UTF_8),
        RecordId.supplied("run", offset),
        false,
        RawHeader.NONE);
  }

  static List<GenericRecord> read(InputStream in) throws IOException {
    List<GenericRecord> found = new ArrayList<>();
    try (DataFileStream<GenericRecord> file =
        new DataFileStream<>(in, new GenericDatumReader<>())) {
      file.forEach(found::add);
    }
    return found;
  }
}
