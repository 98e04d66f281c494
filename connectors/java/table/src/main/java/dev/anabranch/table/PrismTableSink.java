package dev.anabranch.table;

import dev.anabranch.prism.RecordIdMode;
import dev.anabranch.table.encode.ColumnIds;
import dev.anabranch.table.encode.FormatEncoder;
import dev.anabranch.table.encode.MetadataReader;
import dev.anabranch.table.encode.RowSerializer;
import dev.anabranch.table.encode.TableRowText;
import dev.anabranch.table.encode.WritableMetadata;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.EncodingFormat;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.connector.sink.abilities.SupportsWritingMetadata;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.jspecify.annotations.Nullable;

/** A stream that a statement writes: appends, or upserts where the table has a primary key. */
final class PrismTableSink implements DynamicTableSink, SupportsWritingMetadata {
  private final PrismSettings settings;
  private final KeyAndValue columns;
  private final @Nullable EncodingFormat<SerializationSchema<RowData>> key;
  private final EncodingFormat<SerializationSchema<RowData>> value;
  private List<String> metadata = List.of();

  PrismTableSink(
      PrismSettings settings,
      KeyAndValue columns,
      @Nullable EncodingFormat<SerializationSchema<RowData>> key,
      EncodingFormat<SerializationSchema<RowData>> value) {
    this.settings = settings;
    this.columns = columns;
    this.key = key;
    this.value = value;
  }

  @Override
  public ChangelogMode getChangelogMode(ChangelogMode requestedMode) {
    return settings.upsert() ? ChangelogMode.upsert() : ChangelogMode.insertOnly();
  }

  @Override
  public Map<String, DataType> listWritableMetadata() {
    return WritableMetadata.types();
  }

  @Override
  public void applyWritableMetadata(List<String> metadataKeys, DataType consumedDataType) {
    metadata = List.copyOf(metadataKeys);
  }

  @Override
  public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
    RowSerializer serializer =
        new RowSerializer(
            key == null
                ? null
                : new FormatEncoder(
                    key.createRuntimeEncoder(context, columns.keyType()), columns.key()),
            new FormatEncoder(
                value.createRuntimeEncoder(context, columns.valueType()), columns.value()),
            new MetadataReader(columns.rowType().getFieldCount(), metadata),
            columnIds());
    TableRowText text = new TableRowText(context.createDataStructureConverter(columns.physical()));
    return SinkV2Provider.of(settings.sink(serializer, text), settings.parallelism());
  }

  @Override
  public DynamicTableSink copy() {
    PrismTableSink copy = new PrismTableSink(settings, columns, key, value);
    copy.metadata = metadata;
    return copy;
  }

  @Override
  public String asSummaryString() {
    return "prism to stream " + settings.stream();
  }

  private @Nullable ColumnIds columnIds() {
    return settings.recordId() == RecordIdMode.COLUMNS
        ? new ColumnIds(
            settings.stream(),
            columns.rowType(),
            settings.recordIdFields(),
            settings.recordIdSequenceField())
        : null;
  }
}
