package dev.anabranch.table.decode;

import dev.anabranch.records.RawRecord;
import dev.anabranch.table.deadletter.Reason;
import java.io.Serializable;
import java.util.List;
import java.util.function.Function;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;
import org.jspecify.annotations.Nullable;

/**
 * Makes the table's rows of one raw record: the columns of key and value, then the metadata
 * columns. All of a record's rows are made before any is handed on, so that a record is decoded
 * wholly or not at all.
 */
public final class RowDecoder implements Serializable {
  private static final long serialVersionUID = 1L;

  private final RowLayout layout;
  private final @Nullable FormatPart key;
  private final FormatPart value;
  private final boolean upsert;
  private final int maxValueBytes;
  private final boolean valueIsRow;
  private transient List<Function<RawRecord, @Nullable Object>> metadata = List.of();

  /**
   * @param key decodes the Kafka key; null where no column comes from it
   * @param upsert whether the table has a primary key: then records may delete their key
   * @param maxValueBytes longer values are set aside
   */
  public RowDecoder(
      RowLayout layout,
      @Nullable FormatPart key,
      FormatPart value,
      boolean upsert,
      int maxValueBytes) {
    this.layout = layout;
    this.key = key;
    this.value = value;
    this.upsert = upsert;
    this.maxValueBytes = maxValueBytes;
    this.valueIsRow = key == null && value.coversExactly(layout.arity());
  }

  /** Called once by the task, before any record. */
  public void open(DeserializationSchema.InitializationContext context) throws Exception {
    if (key != null) {
      key.open(context);
    }
    value.open(context);
    metadata = layout.metadata().stream().map(ReadableMetadata::newReader).toList();
  }

  /** Decodes one record; the list is the caller's. */
  List<RowData> decode(RawRecord record) throws UndecodableException {
    Marks.check(record);
    byte[] bytes = record.value();
    if (upsert && (bytes == null || record.isDelete())) {
      return List.of(delete(record));
    }
    if (bytes == null || record.isDelete()) {
      throw new UndecodableException(
          Reason.NULL_VALUE,
          (bytes == null ? "the value is null" : "the record deletes its key")
              + ", and the table has no PRIMARY KEY that it could delete");
    }
    if (bytes.length > maxValueBytes) {
      throw new UndecodableException(
          Reason.TOO_LARGE,
          "the value has %d bytes; max-value-bytes is %d".formatted(bytes.length, maxValueBytes));
    }
    RowData keyRow = key == null ? null : keyRow(key, record);
    List<RowData> rows = value.decode(bytes);
    if (!valueIsRow) {
      rows.replaceAll(row -> assemble(record, keyRow, row));
    }
    for (RowData row : rows) {
      layout.checkNotNull(row);
      row.setRowKind(upsert ? RowKind.UPDATE_AFTER : RowKind.INSERT);
    }
    return rows;
  }

  private RowData delete(RawRecord record) throws UndecodableException {
    FormatPart part = key;
    if (part == null) {
      throw new IllegalStateException("a table of upserts decodes its key");
    }
    RowData row = assemble(record, keyRow(part, record), null);
    row.setRowKind(RowKind.DELETE);
    return row;
  }

  private @Nullable RowData keyRow(FormatPart part, RawRecord record) throws UndecodableException {
    byte[] bytes = record.key();
    if (bytes != null) {
      return part.decode(bytes).get(0);
    }
    if (upsert) {
      throw new UndecodableException(Reason.NULL_KEY, "an upsert without a Kafka key");
    }
    return null;
  }

  private RowData assemble(RawRecord record, @Nullable RowData keyRow, @Nullable RowData valueRow) {
    Object[] fields = new Object[layout.arity()];
    if (valueRow != null) {
      value.copyInto(valueRow, fields);
    }
    if (key != null && keyRow != null) {
      key.copyInto(keyRow, fields);
    }
    for (int i = 0; i < metadata.size(); i++) {
      fields[layout.physicalArity() + i] = metadata.get(i).apply(record);
    }
    return GenericRowData.of(fields);
  }
}
