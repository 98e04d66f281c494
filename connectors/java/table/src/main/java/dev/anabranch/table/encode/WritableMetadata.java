package dev.anabranch.table.encode;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.types.DataType;

/** The metadata columns of a prism table. */
public enum WritableMetadata {
  /** Id of the input that a row was made of; the id of the output is derived from it. */
  RECORD_ID("record-id", DataTypes.BYTES()),
  /** Position of a row among those made of the same input, from 0; NULL is 0. */
  ORDINAL("ordinal", DataTypes.INT()),
  /** Create time of the record; NULL is now. */
  TIMESTAMP("timestamp", DataTypes.TIMESTAMP_LTZ(3)),
  /** Kafka headers beside those of anabranch. */
  HEADERS("headers", DataTypes.MAP(DataTypes.STRING(), DataTypes.BYTES())),
  /** The Kafka key as it is. */
  KEY("key", DataTypes.BYTES());

  private final String key;
  private final DataType type;

  WritableMetadata(String key, DataType type) {
    this.key = key;
    this.type = type;
  }

  /** The name that {@code METADATA FROM} uses. */
  public String key() {
    return key;
  }

  /** Whether it counts where rows have a primary key, which is their Kafka key, and a version. */
  public boolean isOfUpserts() {
    return this == TIMESTAMP || this == HEADERS;
  }

  /** All columns by name, in order. */
  public static Map<String, DataType> types() {
    Map<String, DataType> types = new LinkedHashMap<>();
    for (WritableMetadata each : values()) {
      types.put(each.key, each.type);
    }
    return types;
  }
}
