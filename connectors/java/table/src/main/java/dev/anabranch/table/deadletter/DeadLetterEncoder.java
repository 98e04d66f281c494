package dev.anabranch.table.deadletter;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.Sha256;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.jspecify.annotations.Nullable;

/**
 * Turns a record that cannot go on into the bytes of a dead letter: a plain Avro datum of the
 * schema that Python reads too. Not for use by several threads.
 */
public final class DeadLetterEncoder {
  /** Name of the schema's file, in this package's folder of the jar. */
  static final String SCHEMA_FILE = "dead_letter.avsc";

  private static final byte[] NO_BYTES = {};

  private final Schema schema = loadSchema();
  private final Schema headerSchema = schema.getField("headers").schema().getElementType();
  private final GenericDatumWriter<GenericRecord> writer = new GenericDatumWriter<>(schema);
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
  private final String stream;
  private final String job;
  private final int maxValueBytes;

  /**
   * @param stream the stream that the records were read from
   * @param job the job that sets them aside
   * @param maxValueBytes how much of a value, of a key, and of all headers together, is kept
   */
  public DeadLetterEncoder(String stream, String job, int maxValueBytes) {
    this.stream = stream;
    this.job = job;
    this.maxValueBytes = maxValueBytes;
  }

  /** The schema that the wheel and the jar share. */
  static Schema loadSchema() {
    try (InputStream in = DeadLetterEncoder.class.getResourceAsStream(SCHEMA_FILE)) {
      if (in == null) {
        throw new IllegalStateException(SCHEMA_FILE + " is missing in the jar");
      }
      return new Schema.Parser().parse(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Encodes one dead letter. Behind the detail stands what it does not keep of key and headers.
   *
   * @param detail one line for a person
   * @param occurredMs when the record was set aside, Unix milliseconds
   */
  public byte[] encode(RawRecord record, Reason reason, String detail, long occurredMs) {
    byte[] value = record.value();
    GenericRecord letter = new GenericData.Record(schema);
    letter.put("reason", reason.text());
    List<GenericRecord> headers = headers(record.headers());
    letter.put(
        "detail", detail + cut(record.key()) + leftOut(record.headers().length, headers.size()));
    putOrigin(letter, record);
    letter.put("record_id", fixed("record_id", record.id().toBytes()));
    letter.put("key", kept(record.key()));
    letter.put("value", kept(value));
    letter.put("value_length", value == null ? 0L : value.length);
    letter.put("value_sha256", fixed("value_sha256", Sha256.of(value == null ? NO_BYTES : value)));
    letter.put("headers", headers);
    letter.put("job", job);
    letter.put("occurred_ms", occurredMs);
    return write(letter);
  }

  private void putOrigin(GenericRecord letter, RawRecord record) {
    letter.put("stream", stream);
    letter.put("primary", record.origin().primary());
    letter.put("cluster_id", record.origin().clusterId());
    letter.put("topic", record.origin().topic());
    letter.put("topic_id", record.origin().topicId());
    letter.put("partition", record.origin().partition());
    letter.put("offset", record.offset());
    letter.put("timestamp_ms", record.timestampMs());
  }

  private GenericData.Fixed fixed(String field, byte[] content) {
    return new GenericData.Fixed(schema.getField(field).schema(), content);
  }

  private @Nullable ByteBuffer kept(byte @Nullable [] content) {
    return content == null
        ? null
        : ByteBuffer.wrap(content, 0, Math.min(content.length, maxValueBytes));
  }

  /** Those that fit: a letter that is larger than primaries take would fail the job for ever. */
  private List<GenericRecord> headers(RawHeader[] headers) {
    List<GenericRecord> result = new ArrayList<>();
    int room = maxValueBytes;
    for (RawHeader header : headers) {
      int size = sizeOf(header);
      if (size <= room) {
        room -= size;
        result.add(encoded(header));
      }
    }
    return result;
  }

  /** At least 1, so that many empty ones come to an end too. */
  private static int sizeOf(RawHeader header) {
    byte[] value = header.value();
    int name = header.name().getBytes(StandardCharsets.UTF_8).length;
    return Math.max(1, name + (value == null ? 0 : value.length));
  }

  private GenericRecord encoded(RawHeader header) {
    GenericRecord one = new GenericData.Record(headerSchema);
    one.put("name", header.name());
    byte[] value = header.value();
    one.put("value", value == null ? null : ByteBuffer.wrap(value));
    return one;
  }

  /** Whoever replays it must know: under a part of its key it would be another record. */
  private String cut(byte @Nullable [] key) {
    return key == null || key.length <= maxValueBytes
        ? ""
        : "; %d of %d bytes of the key are kept".formatted(maxValueBytes, key.length);
  }

  private static String leftOut(int all, int kept) {
    return all == kept ? "" : "; %d of %d headers are left out".formatted(all - kept, all);
  }

  private byte[] write(GenericRecord letter) {
    try {
      bytes.reset();
      writer.write(letter, encoder);
      encoder.flush();
      return bytes.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
