package dev.anabranch.table.encode;

import dev.anabranch.records.RecordId;
import java.io.Serializable;
import java.util.List;
import java.util.StringJoiner;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;
import org.jspecify.annotations.Nullable;

/**
 * Ids supplied by columns: the scope is the stream's name and the values of some columns, joined by
 * "/", the sequence another column, or 0. A producer that supplies {@code "training-logs/<run>"}
 * and a position gives the same id.
 *
 * <p>With several columns a "/" within a value is written "%2F" and a "%" as "%25", so that
 * different values never give one scope.
 */
public final class ColumnIds implements Serializable {
  private static final long serialVersionUID = 1L;

  private final String stream;
  private final int[] scope;
  private final RowData.FieldGetter[] scopeGetters;
  private final String[] scopeNames;
  private final RowData.@Nullable FieldGetter sequence;

  /**
   * @param physical the table's physical columns
   * @param scope names of the columns of the scope; text or whole numbers
   * @param sequence name of a column of whole numbers, or null
   */
  public ColumnIds(String stream, RowType physical, List<String> scope, @Nullable String sequence) {
    this.stream = stream;
    this.scopeNames = scope.toArray(String[]::new);
    this.scope = scope.stream().mapToInt(name -> position(physical, name)).toArray();
    this.scopeGetters = new RowData.FieldGetter[this.scope.length];
    for (int i = 0; i < scopeGetters.length; i++) {
      LogicalType type = physical.getTypeAt(this.scope[i]);
      requireText(type, scopeNames[i]);
      scopeGetters[i] = RowData.createFieldGetter(type, this.scope[i]);
    }
    this.sequence = sequence == null ? null : sequenceGetter(physical, sequence);
  }

  RecordId of(RowData row) {
    StringJoiner joined = new StringJoiner("/", stream + "/", "");
    for (int i = 0; i < scopeGetters.length; i++) {
      Object value = scopeGetters[i].getFieldOrNull(row);
      if (value == null) {
        throw new IllegalArgumentException("id column '" + scopeNames[i] + "' is NULL");
      }
      joined.add(scopeGetters.length == 1 ? value.toString() : escape(value.toString()));
    }
    return RecordId.supplied(joined.toString(), sequence(row));
  }

  private long sequence(RowData row) {
    if (sequence == null) {
      return 0;
    }
    Object value = sequence.getFieldOrNull(row);
    if (!(value instanceof Number number)) {
      throw new IllegalArgumentException("the sequence column of an id is NULL");
    }
    return number.longValue();
  }

  private static String escape(String value) {
    return value.replace("%", "%25").replace("/", "%2F");
  }

  private static RowData.FieldGetter sequenceGetter(RowType physical, String name) {
    int position = position(physical, name);
    LogicalTypeRoot root = physical.getTypeAt(position).getTypeRoot();
    if (root != LogicalTypeRoot.BIGINT && root != LogicalTypeRoot.INTEGER) {
      throw new ValidationException("'" + name + "' is no INT or BIGINT");
    }
    return RowData.createFieldGetter(physical.getTypeAt(position), position);
  }

  private static void requireText(LogicalType type, String name) {
    switch (type.getTypeRoot()) {
      case CHAR, VARCHAR, BIGINT, INTEGER, SMALLINT, TINYINT -> {}
      default ->
          throw new ValidationException(
              "'" + name + "' is " + type.asSummaryString() + ", not text or a whole number");
    }
  }

  private static int position(RowType physical, String name) {
    int position = physical.getFieldIndex(name);
    if (position < 0) {
      throw new ValidationException(
          "there is no physical column '%s', but %s"
              .formatted(name, String.join(", ", physical.getFieldNames())));
    }
    return position;
  }
}
