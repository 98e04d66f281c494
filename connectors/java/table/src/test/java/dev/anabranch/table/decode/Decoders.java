package dev.anabranch.table.decode;

import java.util.List;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.formats.common.TimestampFormat;
import org.apache.flink.formats.json.JsonRowDataDeserializationSchema;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.UserCodeClassLoader;
import org.jspecify.annotations.Nullable;

/** Decoders of JSON for tests. */
final class Decoders {
  /** {@code run STRING NOT NULL, seq BIGINT, note STRING}. */
  static final DataType COLUMNS =
      DataTypes.ROW(
          DataTypes.FIELD("run", DataTypes.STRING().notNull()),
          DataTypes.FIELD("seq", DataTypes.BIGINT()),
          DataTypes.FIELD("note", DataTypes.STRING()));

  /** The same as a key: {@code run STRING NOT NULL}. */
  static final DataType KEY_COLUMNS =
      DataTypes.ROW(DataTypes.FIELD("run", DataTypes.STRING().notNull()));

  static final int MAX_VALUE_BYTES = 100;

  private Decoders() {}

  /** Appends: all columns come from the value. */
  static RowDecoder appends(ReadableMetadata... metadata) {
    return new RowDecoder(layout(metadata), null, value(), false, MAX_VALUE_BYTES);
  }

  /** Upserts, keyed by run. */
  static RowDecoder upserts(ReadableMetadata... metadata) {
    FormatPart key = new FormatPart(json(KEY_COLUMNS), "json", KEY_COLUMNS, new int[] {0});
    return new RowDecoder(layout(metadata), key, value(), true, MAX_VALUE_BYTES);
  }

  static RowDecoder opened(RowDecoder decoder) throws Exception {
    decoder.open(new NoContext());
    return decoder;
  }

  static RowType type() {
    return (RowType) COLUMNS.getLogicalType();
  }

  private static RowLayout layout(ReadableMetadata... metadata) {
    return new RowLayout(type(), List.of(metadata));
  }

  private static FormatPart value() {
    return new FormatPart(json(COLUMNS), "json", COLUMNS, new int[] {0, 1, 2});
  }

  private static DeserializationSchema<RowData> json(DataType type) {
    RowType row = (RowType) type.getLogicalType();
    return new JsonRowDataDeserializationSchema(
        row, InternalTypeInfo.of(row), false, false, TimestampFormat.SQL);
  }

  private static final class NoContext implements DeserializationSchema.InitializationContext {
    @Override
    public MetricGroup getMetricGroup() {
      return new UnregisteredMetricsGroup();
    }

    @Override
    public @Nullable UserCodeClassLoader getUserCodeClassLoader() {
      return null;
    }
  }
}
