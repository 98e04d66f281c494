package dev.anabranch.table.decode;

import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordVersion;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.DataType;
import org.jspecify.annotations.Nullable;

/** The metadata columns of a union table. */
public enum ReadableMetadata {
  /** Name of the primary in the topology document. */
  PRIMARY(
      "primary",
      DataTypes.STRING().notNull(),
      record -> StringData.fromString(record.origin().primary())),
  /** Name of the Kafka topic. */
  TOPIC(
      "topic",
      DataTypes.STRING().notNull(),
      record -> StringData.fromString(record.origin().topic())),
  /** Partition on that primary. */
  PARTITION("partition", DataTypes.INT().notNull(), record -> record.origin().partition()),
  /** Offset in that partition. */
  OFFSET("offset", DataTypes.BIGINT().notNull(), RawRecord::offset),
  /** Create time of the record. */
  TIMESTAMP(
      "timestamp",
      DataTypes.TIMESTAMP_LTZ(3).notNull(),
      record -> TimestampData.fromEpochMillis(record.timestampMs())),
  /** All Kafka headers; of several with one name the last. */
  HEADERS(
      "headers",
      DataTypes.MAP(DataTypes.STRING().notNull(), DataTypes.BYTES()).notNull(),
      ReadableMetadata::headers),
  /** The Kafka key as it is. */
  KEY("key", DataTypes.BYTES(), RawRecord::key),
  /** The 16 bytes of the record's id. */
  RECORD_ID("record-id", DataTypes.BYTES().notNull(), record -> record.id().toBytes()),
  /** The 12 bytes of an upsert's version; NULL on other records. */
  VERSION("version", DataTypes.BYTES(), ReadableMetadata::version),
  /**
   * First 8 bytes of the SHA-256 of the value, as a signed number; of no bytes where it is null.
   */
  VALUE_HASH("value-hash", DataTypes.BIGINT().notNull(), ValueHash::new);

  private final String key;
  private final DataType type;
  private final Supplier<Function<RawRecord, @Nullable Object>> reader;

  ReadableMetadata(String key, DataType type, Function<RawRecord, @Nullable Object> reader) {
    this(key, type, () -> reader);
  }

  ReadableMetadata(
      String key, DataType type, Supplier<Function<RawRecord, @Nullable Object>> reader) {
    this.key = key;
    this.type = type;
    this.reader = reader;
  }

  /** All columns by the name that {@code METADATA FROM} uses, in order. */
  public static Map<String, DataType> types() {
    Map<String, DataType> types = new LinkedHashMap<>();
    for (ReadableMetadata each : values()) {
      types.put(each.key, each.type);
    }
    return types;
  }

  /** The column of that name. */
  public static ReadableMetadata of(String key) {
    for (ReadableMetadata each : values()) {
      if (each.key.equals(key)) {
        return each;
      }
    }
    throw new IllegalArgumentException("no metadata column '" + key + "'");
  }

  /** A reader for one task thread, giving Flink's internal data structures. */
  Function<RawRecord, @Nullable Object> newReader() {
    return reader.get();
  }

  private static Object headers(RawRecord record) {
    Map<StringData, byte @Nullable []> map = new HashMap<>();
    for (RawHeader header : record.headers()) {
      map.put(StringData.fromString(header.name()), header.value());
    }
    return new GenericMapData(map);
  }

  private static byte @Nullable [] version(RawRecord record) {
    RecordVersion version = record.version();
    return version == null ? null : version.toBytes();
  }
}
