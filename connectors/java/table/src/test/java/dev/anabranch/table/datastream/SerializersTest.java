package dev.anabranch.table.datastream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.prism.OutgoingRecord;
import dev.anabranch.prism.RecordSerializer;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What kind a row of a changelog has, when it comes from a DataStream. */
class SerializersTest {
  private static final byte[] VALUE = {1};
  private static final byte[] KEY = {2};

  @ParameterizedTest
  @EnumSource(
      value = RowKind.class,
      names = {"DELETE", "UPDATE_BEFORE"})
  void whatTakesARowBackDeletesInASinkOfUpserts(RowKind kind) throws Exception {
    OutgoingRecord record = written(true, kind);

    assertThat(record.delete()).isTrue();
    assertThat(record.key()).isEqualTo(KEY);
  }

  @ParameterizedTest
  @EnumSource(
      value = RowKind.class,
      names = {"INSERT", "UPDATE_AFTER"})
  void whatBringsARowIsWritten(RowKind kind) throws Exception {
    OutgoingRecord record = written(true, kind);

    assertThat(record.delete()).isFalse();
    assertThat(record.value()).isEqualTo(VALUE);
  }

  @Test
  void aDeleteNeedsNoValue() throws Exception {
    Row row = Row.ofKind(RowKind.DELETE, null, KEY);

    assertThat(record(Serializers.ofRows(true, "value", "key"), row).delete()).isTrue();
  }

  @ParameterizedTest
  @EnumSource(
      value = RowKind.class,
      names = {"DELETE", "UPDATE_BEFORE", "UPDATE_AFTER"})
  void aSinkOfAppendsRefusesChangesAndSaysWhatToDo(RowKind kind) {
    assertThatThrownBy(() -> written(false, kind))
        .hasMessageContaining("a row of kind %s (%s)", kind.shortString(), kind)
        .hasMessageContaining("upsert=True");
  }

  @Test
  void aSinkOfAppendsTakesInserts() throws Exception {
    assertThat(written(false, RowKind.INSERT).value()).isEqualTo(VALUE);
  }

  private static OutgoingRecord written(boolean upsert, RowKind kind) throws Exception {
    return record(Serializers.ofRows(upsert, "value", "key"), Row.ofKind(kind, VALUE, KEY));
  }

  private static OutgoingRecord record(RecordSerializer<Row> serializer, Row row) throws Exception {
    OutgoingRecord record = serializer.serialize(row);
    assertThat(record).isNotNull();
    return record;
  }
}
