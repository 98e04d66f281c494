package dev.anabranch.archive;

import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.apache.avro.Schema;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.io.Encoder;
import org.jspecify.annotations.Nullable;

/**
 * Writes a raw record field by field in the order of {@link #SCHEMA}, without an object of Avro's
 * in between, which would cost as much again.
 */
final class ArchivedRecordWriter implements DatumWriter<RawRecord> {
  /** Name of the schema's file, in this package's folder of the jar. */
  static final String SCHEMA_FILE = "archived_record.avsc";

  /** The schema that the wheel and the jar share. */
  static final Schema SCHEMA = loadSchema();

  // Places in a union of null and something.
  private static final int NULL = 0;
  private static final int PRESENT = 1;

  private final String stream;

  ArchivedRecordWriter(String stream) {
    this.stream = stream;
  }

  /** There is one schema. */
  @Override
  public void setSchema(Schema schema) {}

  @Override
  public void write(RawRecord record, Encoder out) throws IOException {
    Origin origin = record.origin();
    out.writeString(stream);
    out.writeString(origin.primary());
    out.writeString(origin.clusterId());
    out.writeString(origin.topic());
    out.writeString(origin.topicId());
    out.writeInt(origin.partition());
    out.writeLong(record.offset());
    writeEpoch(record.leaderEpoch(), out);
    out.writeLong(record.timestampMs());
    out.writeFixed(record.id().toBytes());
    out.writeBoolean(record.foreign());
    writeBytes(record.key(), out);
    writeBytes(record.value(), out);
    writeHeaders(record.headers(), out);
  }

  private static void writeEpoch(int epoch, Encoder out) throws IOException {
    if (epoch == RawRecord.NO_EPOCH) {
      out.writeIndex(NULL);
      out.writeNull();
    } else {
      out.writeIndex(PRESENT);
      out.writeInt(epoch);
    }
  }

  private static void writeHeaders(RawHeader[] headers, Encoder out) throws IOException {
    int kept = 0;
    for (RawHeader header : headers) {
      // What operators of the job noted on it did not come from Kafka.
      kept += RecordHeaders.isMark(header.name()) ? 0 : 1;
    }
    out.writeArrayStart();
    out.setItemCount(kept);
    for (RawHeader header : headers) {
      if (!RecordHeaders.isMark(header.name())) {
        out.startItem();
        out.writeString(header.name());
        writeBytes(header.value(), out);
      }
    }
    out.writeArrayEnd();
  }

  private static void writeBytes(byte @Nullable [] bytes, Encoder out) throws IOException {
    if (bytes == null) {
      out.writeIndex(NULL);
      out.writeNull();
    } else {
      out.writeIndex(PRESENT);
      out.writeBytes(bytes);
    }
  }

  private static Schema loadSchema() {
    try (InputStream in = ArchivedRecordWriter.class.getResourceAsStream(SCHEMA_FILE)) {
      if (in == null) {
        throw new IllegalStateException(SCHEMA_FILE + " is missing in the jar");
      }
      return new Schema.Parser().parse(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
