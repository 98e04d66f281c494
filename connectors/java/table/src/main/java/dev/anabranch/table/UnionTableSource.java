package dev.anabranch.table;

import dev.anabranch.table.decode.FormatPart;
import dev.anabranch.table.decode.ReadableMetadata;
import dev.anabranch.table.decode.RowDecoder;
import dev.anabranch.table.decode.RowLayout;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsReadingMetadata;
import org.apache.flink.table.connector.source.abilities.SupportsSourceWatermark;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.jspecify.annotations.Nullable;

/**
 * A stream as a table: insert-only, or of upserts where the table has a primary key. {@code
 * SOURCE_WATERMARK()} goes by the create times of the records; a watermark over columns is computed
 * by Flink behind the decoding.
 */
final class UnionTableSource
    implements ScanTableSource, SupportsReadingMetadata, SupportsSourceWatermark {
  private final UnionSettings settings;
  private final KeyAndValue columns;
  private final @Nullable Part key;
  private final Part value;
  private List<ReadableMetadata> metadata = List.of();
  private @Nullable DataType producedType;
  private boolean sourceWatermark;

  /**
   * A format and its name in the table's options.
   *
   * @param format makes decoders
   * @param name by which checks before decoding are chosen
   */
  record Part(DecodingFormat<DeserializationSchema<RowData>> format, String name) {
    FormatPart decoder(ScanContext context, DataType type, int[] positions) {
      return new FormatPart(format.createRuntimeDecoder(context, type), name, type, positions);
    }
  }

  UnionTableSource(UnionSettings settings, KeyAndValue columns, @Nullable Part key, Part value) {
    this.settings = settings;
    this.columns = columns;
    this.key = key;
    this.value = value;
  }

  @Override
  public ChangelogMode getChangelogMode() {
    return settings.upsert() ? ChangelogMode.upsert() : ChangelogMode.insertOnly();
  }

  @Override
  public Map<String, DataType> listReadableMetadata() {
    return ReadableMetadata.types();
  }

  @Override
  public void applyReadableMetadata(List<String> metadataKeys, DataType producedDataType) {
    metadata = metadataKeys.stream().map(ReadableMetadata::of).toList();
    producedType = producedDataType;
  }

  @Override
  public void applySourceWatermark() {
    sourceWatermark = true;
  }

  @Override
  public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
    RowDecoder decoder =
        new RowDecoder(
            new RowLayout(columns.rowType(), metadata),
            key == null ? null : key.decoder(context, columns.keyType(), columns.key()),
            value.decoder(context, columns.valueType(), columns.value()),
            settings.upsert(),
            settings.maxValueBytes());
    TypeInformation<RowData> type =
        context.createTypeInformation(producedType == null ? columns.physical() : producedType);
    UnionPipeline pipeline = new UnionPipeline(settings, decoder, type, sourceWatermark);
    boolean bounded = settings.positions().isBounded();
    return new DataStreamScanProvider() {
      @Override
      public DataStream<RowData> produceDataStream(
          ProviderContext provider, StreamExecutionEnvironment env) {
        return pipeline.build(provider, env);
      }

      @Override
      public boolean isBounded() {
        return bounded;
      }
    };
  }

  @Override
  public DynamicTableSource copy() {
    UnionTableSource copy = new UnionTableSource(settings, columns, key, value);
    copy.metadata = metadata;
    copy.producedType = producedType;
    copy.sourceWatermark = sourceWatermark;
    return copy;
  }

  @Override
  public String asSummaryString() {
    return "union of stream " + settings.stream();
  }
}
