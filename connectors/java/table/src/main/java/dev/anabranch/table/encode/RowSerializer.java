package dev.anabranch.table.encode;

import dev.anabranch.prism.OutgoingRecord;
import dev.anabranch.prism.RecordSerializer;
import dev.anabranch.records.RecordId;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;
import org.jspecify.annotations.Nullable;

/** Turns a table's rows into records for Prism. */
public final class RowSerializer implements RecordSerializer<RowData> {
  private static final long serialVersionUID = 1L;

  /** A delete says all by its key and headers; null would be a tombstone, which expires. */
  private static final byte[] DELETED = {};

  private final @Nullable FormatEncoder key;
  private final FormatEncoder value;
  private final MetadataReader metadata;
  private final @Nullable ColumnIds ids;

  /**
   * @param key encodes the Kafka key; null where a metadata column gives it, or nothing does
   * @param ids makes ids of columns; null where they come otherwise
   */
  public RowSerializer(
      @Nullable FormatEncoder key,
      FormatEncoder value,
      MetadataReader metadata,
      @Nullable ColumnIds ids) {
    this.key = key;
    this.value = value;
    this.metadata = metadata;
    this.ids = ids;
  }

  @Override
  public void open() throws Exception {
    EncoderContext context = new EncoderContext();
    if (key != null) {
      key.open(context);
    }
    value.open(context);
  }

  @Override
  public @Nullable OutgoingRecord serialize(RowData row) {
    boolean delete = isDelete(row.getRowKind());
    byte[] bytes = delete ? DELETED : value.encode(row);
    if (bytes == null) {
      throw new IllegalArgumentException("the format made nothing of the row");
    }
    return new OutgoingRecord(
        key(row),
        bytes,
        metadata.timestampMs(row),
        metadata.headers(row),
        id(row),
        metadata.ordinal(row),
        delete);
  }

  /**
   * Whether an upsert of that kind deletes its key. Behind a filter (HAVING), Flink takes an old
   * row back and does not say that it deletes: the new one may have been filtered out. Where it was
   * not, it follows, with a higher version.
   */
  public static boolean isDelete(RowKind kind) {
    return kind == RowKind.DELETE || kind == RowKind.UPDATE_BEFORE;
  }

  @Override
  public byte @Nullable [] key(RowData row) {
    return key == null ? metadata.key(row) : key.encode(row);
  }

  private @Nullable RecordId id(RowData row) {
    return ids == null ? metadata.recordId(row) : ids.of(row);
  }
}
