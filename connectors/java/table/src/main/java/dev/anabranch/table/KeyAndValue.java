package dev.anabranch.table;

import dev.anabranch.table.CommonOptions.ValueFields;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.Projection;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/**
 * Which of a table's physical columns are in the Kafka key and which in the value, as positions.
 *
 * @param physical the physical columns, a row type
 * @param key positions of the key's columns, in the key's order
 * @param value positions of the value's columns
 */
record KeyAndValue(DataType physical, int[] key, int[] value) {

  /** Reads it off a table: the primary key is the Kafka key, else {@code key.fields} names it. */
  static KeyAndValue of(DynamicTableFactory.Context context, ReadableConfig options) {
    DataType physical = context.getPhysicalRowDataType();
    int[] key = keyPositions(context, options, DataType.getFieldNames(physical));
    int arity = DataType.getFieldCount(physical);
    boolean all = options.get(CommonOptions.VALUE_FIELDS_INCLUDE) == ValueFields.ALL;
    int[] value =
        IntStream.range(0, arity)
            .filter(i -> all || Arrays.stream(key).noneMatch(k -> k == i))
            .toArray();
    return new KeyAndValue(physical, key, value);
  }

  DataType keyType() {
    return Projection.of(key).project(physical);
  }

  DataType valueType() {
    return Projection.of(value).project(physical);
  }

  RowType rowType() {
    return (RowType) physical.getLogicalType();
  }

  boolean hasKey() {
    return key.length > 0;
  }

  private static int[] keyPositions(
      DynamicTableFactory.Context context, ReadableConfig options, List<String> names) {
    List<String> fields = options.get(CommonOptions.KEY_FIELDS);
    int[] primaryKey = context.getPrimaryKeyIndexes();
    if (primaryKey.length > 0) {
      if (!fields.isEmpty()) {
        throw new ValidationException(
            "'key.fields' and PRIMARY KEY exclude each other: the primary key is the Kafka key");
      }
      return primaryKey;
    }
    return fields.stream().mapToInt(field -> positionOf(field, names)).toArray();
  }

  private static int positionOf(String field, List<String> names) {
    int position = names.indexOf(field);
    if (position < 0) {
      throw new ValidationException(
          "'key.fields' names '%s', which is not a physical column; there are: %s"
              .formatted(field, String.join(", ", names)));
    }
    return position;
  }
}
