package dev.anabranch.table.decode;

import dev.anabranch.table.deadletter.Reason;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;

/**
 * The key or the value of a record: its decoder, the checks before it, and where its fields go in
 * the table's row.
 */
public final class FormatPart implements Serializable {
  private static final long serialVersionUID = 1L;

  private final DeserializationSchema<RowData> schema;
  private final List<BytesCheck> checks;
  private final int[] positions;
  private final RowData.FieldGetter[] getters;

  /**
   * @param schema decoder made by the format
   * @param format identifier of the format, as in the table's options
   * @param columns the columns that it decodes, a row type
   * @param positions of these columns in the table's row
   */
  public FormatPart(
      DeserializationSchema<RowData> schema, String format, DataType columns, int[] positions) {
    this.schema = schema;
    this.checks = BytesChecks.of(format, columns);
    this.positions = positions.clone();
    List<LogicalType> types = columns.getLogicalType().getChildren();
    this.getters = new RowData.FieldGetter[types.size()];
    for (int i = 0; i < getters.length; i++) {
      getters[i] = RowData.createFieldGetter(types.get(i), i);
    }
  }

  void open(DeserializationSchema.InitializationContext context) throws Exception {
    schema.open(context);
  }

  int[] positions() {
    return positions;
  }

  /** Whether the decoded row is the table's row as it is. */
  boolean coversExactly(int arity) {
    if (positions.length != arity) {
      return false;
    }
    for (int i = 0; i < arity; i++) {
      if (positions[i] != i) {
        return false;
      }
    }
    return true;
  }

  /** Decodes all rows that the bytes hold: at least one. */
  List<RowData> decode(byte[] bytes) throws UndecodableException {
    for (BytesCheck check : checks) {
      check.check(bytes);
    }
    List<RowData> rows = new ArrayList<>(1);
    try {
      schema.deserialize(bytes, new ListCollector<>(rows));
    } catch (Exception e) {
      throw UndecodableException.byFormat(e);
    }
    if (rows.isEmpty()) {
      throw new UndecodableException(
          Reason.NOT_DECODABLE, "the decoder made no row of " + bytes.length + " bytes");
    }
    return rows;
  }

  /** Copies the fields of a decoded row to their places in the table's row. */
  void copyInto(RowData decoded, Object[] fields) {
    for (int i = 0; i < positions.length; i++) {
      fields[positions[i]] = getters[i].getFieldOrNull(decoded);
    }
  }
}
