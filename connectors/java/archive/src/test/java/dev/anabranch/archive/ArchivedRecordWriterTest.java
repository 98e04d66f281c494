package dev.anabranch.archive;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordId;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Test;

/** The fields are written by hand: Avro's own reader says whether they are those of the schema. */
class ArchivedRecordWriterTest {
  private static GenericRecord roundTrip(RawRecord record) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataFileWriter<RawRecord> writer =
        new DataFileWriter<>(new ArchivedRecordWriter("logs"))
            .create(ArchivedRecordWriter.SCHEMA, bytes)) {
      writer.append(record);
      writer.append(record);
    }
    List<GenericRecord> read = Records.read(new ByteArrayInputStream(bytes.toByteArray()));
    assertThat(read).hasSize(2);
    assertThat(read.get(1)).as("the second begins where the first ends").isEqualTo(read.get(0));
    return read.get(0);
  }

  @Test
  void keepsAllThatARecordHas() throws IOException {
    RecordId id = RecordId.supplied("run", 5);
    GenericRecord read =
        roundTrip(
            new RawRecord(
                Records.ORIGIN,
                1L << 40,
                7,
                1_796_000_400_123L,
                "key".getBytes(UTF_8),
                new byte[] {0, -1},
                id,
                true,
                new RawHeader[] {
                  new RawHeader("näme", new byte[] {1}),
                  new RawHeader("", null),
                  new RawHeader(RecordHeaders.ID, id.toBytes())
                }));

    assertThat(read.get("stream")).hasToString("logs");
    assertThat(read.get("primary")).hasToString("a");
    assertThat(read.get("cluster_id")).hasToString("cluster");
    assertThat(read.get("topic")).hasToString("logs-topic");
    assertThat(read.get("topic_id")).hasToString("topic-id");
    assertThat(read.get("partition")).isEqualTo(3);
    assertThat(read.get("offset")).isEqualTo(1L << 40);
    assertThat(read.get("leader_epoch")).isEqualTo(7);
    assertThat(read.get("timestamp_ms")).isEqualTo(1_796_000_400_123L);
    assertThat(((GenericData.Fixed) read.get("record_id")).bytes()).isEqualTo(id.toBytes());
    assertThat(read.get("foreign")).isEqualTo(true);
    assertThat(read.get("key")).isEqualTo(ByteBuffer.wrap("key".getBytes(UTF_8)));
    assertThat(read.get("value")).isEqualTo(ByteBuffer.wrap(new byte[] {0, -1}));
    assertThat((List<?>) read.get("headers"))
        .extracting(each -> ((GenericRecord) each).get("name").toString())
        .containsExactly("näme", "", RecordHeaders.ID);
    assertThat((List<?>) read.get("headers"))
        .extracting(each -> ((GenericRecord) each).get("value"))
        .containsExactly(ByteBuffer.wrap(new byte[] {1}), null, ByteBuffer.wrap(id.toBytes()));
  }

  @Test
  void keepsWhatARecordLacks() throws IOException {
    GenericRecord read =
        roundTrip(
            new RawRecord(
                Records.ORIGIN,
                0,
                -1,
                null,
                null,
                RecordId.supplied("run", 0),
                false,
                RawHeader.NONE));
    assertThat(read.get("leader_epoch")).isNull();
    assertThat(read.get("timestamp_ms")).isEqualTo(-1L);
    assertThat(read.get("key")).isNull();
    assertThat(read.get("value")).isNull();
    assertThat((List<?>) read.get("headers")).isEmpty();
  }

  @Test
  void leavesOutWhatTheJobNotedOnIt() throws IOException {
    RawRecord late = Records.at(1, 0).with(new RawHeader(RecordHeaders.LATE, null));
    assertThat((List<?>) roundTrip(late).get("headers")).isEmpty();
  }
}
