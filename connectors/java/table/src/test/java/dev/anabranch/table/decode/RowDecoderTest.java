package dev.anabranch.table.decode;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.anabranch.dedup.Dedup;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordHeaders;
import dev.anabranch.records.RecordVersion;
import dev.anabranch.table.deadletter.Reason;
import dev.anabranch.union.LossReport;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.List;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.Test;

class RowDecoderTest {
  private static final byte[] KEY = "{\"run\":\"r1\"}".getBytes(UTF_8);
  private static final RawHeader DELETE =
      new RawHeader(RecordHeaders.OP, new byte[] {RecordHeaders.OP_DELETE});

  @Test
  void readsColumnsOfTheValue() throws Exception {
    RowData row = only(Decoders.appends(), Records.text("{\"run\":\"r1\",\"seq\":5}"));

    assertThat(row.getRowKind()).isEqualTo(RowKind.INSERT);
    assertThat(row.getString(0)).isEqualTo(StringData.fromString("r1"));
    assertThat(row.getLong(1)).isEqualTo(5);
    assertThat(row.isNullAt(2)).isTrue();
  }

  @Test
  void appendsEveryMetadataColumn() throws Exception {
    RecordVersion version = new RecordVersion(3, 77);
    RawRecord record =
        Records.bytes(
            KEY,
            "{\"run\":\"r1\"}".getBytes(UTF_8),
            new RawHeader(RecordHeaders.VERSION, version.toBytes()),
            new RawHeader("twice", new byte[] {1}),
            new RawHeader("twice", new byte[] {2}));

    RowData row = only(Decoders.appends(ReadableMetadata.values()), record);

    assertThat(row.getArity()).isEqualTo(3 + ReadableMetadata.values().length);
    assertThat(row.getString(3)).hasToString("a");
    assertThat(row.getString(4)).hasToString("logs-topic");
    assertThat(row.getInt(5)).isEqualTo(3);
    assertThat(row.getLong(6)).isEqualTo(7);
    assertThat(row.getTimestamp(7, 3).getMillisecond()).isEqualTo(record.timestampMs());
    assertThat(row.getMap(8).size()).isEqualTo(2);
    assertThat(row.getMap(8).valueArray().size()).isEqualTo(2);
    assertThat(row.getBinary(9)).isEqualTo(KEY);
    assertThat(row.getBinary(10)).isEqualTo(record.id().toBytes());
    assertThat(row.getBinary(11)).isEqualTo(version.toBytes());
    byte[] sha256 = MessageDigest.getInstance("SHA-256").digest(record.value());
    assertThat(row.getLong(12)).isEqualTo(ByteBuffer.wrap(sha256).getLong());
  }

  @Test
  void makesUpsertsOfKeyAndValue() throws Exception {
    RawRecord record = Records.bytes(KEY, "{\"run\":\"r1\",\"seq\":5}".getBytes(UTF_8));

    RowData row = only(Decoders.upserts(), record);

    assertThat(row.getRowKind()).isEqualTo(RowKind.UPDATE_AFTER);
    assertThat(row.getString(0)).hasToString("r1");
    assertThat(row.getLong(1)).isEqualTo(5);
  }

  @Test
  void makesDeletesOfTheKeyAlone() throws Exception {
    RowData marked = only(Decoders.upserts(), Records.bytes(KEY, new byte[0], DELETE));
    RowData tombstone = only(Decoders.upserts(), Records.bytes(KEY, null));

    for (RowData row : List.of(marked, tombstone)) {
      assertThat(row.getRowKind()).isEqualTo(RowKind.DELETE);
      assertThat(row.getString(0)).hasToString("r1");
      assertThat(row.isNullAt(1)).isTrue();
    }
  }

  @Test
  void anUpsertNeedsItsKey() throws Exception {
    RawRecord record = Records.bytes(null, "{\"run\":\"r1\"}".getBytes(UTF_8));

    assertThat(refusal(Decoders.upserts(), record).reason()).isEqualTo(Reason.NULL_KEY);
  }

  @Test
  void appendsTakeNeitherNullsNorDeletes() throws Exception {
    assertThat(refusal(Decoders.appends(), Records.bytes(KEY, null)).reason())
        .isEqualTo(Reason.NULL_VALUE);
    assertThat(refusal(Decoders.appends(), Records.bytes(KEY, new byte[0], DELETE)).detail())
        .contains("deletes its key");
  }

  @Test
  void takesValuesUpToTheLimit() throws Exception {
    String fits = padded(Decoders.MAX_VALUE_BYTES);

    assertThat(only(Decoders.appends(), Records.text(fits)).getString(0)).hasToString("r1");
    UndecodableException refusal = refusal(Decoders.appends(), Records.text(fits + " "));
    assertThat(refusal.reason()).isEqualTo(Reason.TOO_LARGE);
    assertThat(refusal.detail()).isEqualTo("the value has 101 bytes; max-value-bytes is 100");
  }

  @Test
  void namesTheColumnThatHasNoValue() throws Exception {
    UndecodableException refusal = refusal(Decoders.appends(), Records.text("{\"seq\":5}"));

    assertThat(refusal.reason()).isEqualTo(Reason.MISSING_FIELD);
    assertThat(refusal.detail()).contains("'run'");
  }

  @Test
  void refusesBytesThatWouldBeReplaced() throws Exception {
    byte[] latin1 = {'{', '"', 'r', 'u', 'n', '"', ':', '"', (byte) 0xe4, '"', '}'};

    assertThat(refusal(Decoders.appends(), Records.bytes(null, latin1)).reason())
        .isEqualTo(Reason.WRONG_ENCODING);
  }

  @Test
  void refusesWhatWasMarkedBefore() throws Exception {
    RawRecord late = Records.text("{\"run\":\"r1\"}").with(new RawHeader(Dedup.LATE_HEADER, null));
    LossReport loss =
        new LossReport(LossReport.Kind.DELETED, Records.ORIGIN, 10, 20, 3, "deleted by retention");

    assertThat(refusal(Decoders.appends(), late).reason()).isEqualTo(Reason.LATE);
    UndecodableException lost = refusal(Decoders.upserts(), Marks.lost(loss));
    assertThat(lost.reason()).isEqualTo(Reason.LOST);
    assertThat(lost.detail()).contains("10..19").contains("retention");
    assertThat(Marks.lost(loss).id()).isEqualTo(Marks.lost(loss).id());
    LossReport another =
        new LossReport(LossReport.Kind.TRUNCATED, Records.ORIGIN, 10, 20, 3, "truncated");
    // Both may begin at one offset, and both are to be told.
    assertThat(Marks.lost(another).id()).isNotEqualTo(Marks.lost(loss).id());
    LossReport longer =
        new LossReport(LossReport.Kind.DELETED, Records.ORIGIN, 10, 30, 3, "deleted by retention");
    // A restored job finds more gone; the letter of the shorter range must not hide it.
    assertThat(Marks.lost(longer).id()).isNotEqualTo(Marks.lost(loss).id());
  }

  private static String padded(int bytes) {
    String start = "{\"run\":\"r1\"";
    return start + " ".repeat(bytes - start.length() - 1) + "}";
  }

  private static RowData only(RowDecoder decoder, RawRecord record) throws Exception {
    List<RowData> rows = Decoders.opened(decoder).decode(record);
    assertThat(rows).hasSize(1);
    return rows.get(0);
  }

  private static UndecodableException refusal(RowDecoder decoder, RawRecord record)
      throws Exception {
    RowDecoder opened = Decoders.opened(decoder);
    return catchThrowableOfType(UndecodableException.class, () -> opened.decode(record));
  }
}
