package dev.anabranch.table.decode;

import java.util.List;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/** Which checks a format needs. */
final class BytesChecks {
  private BytesChecks() {}

  /**
   * The checks before the decoder of a format, in order; none for formats that are binary.
   *
   * @param format identifier of the format, as in the table's options
   * @param columns the columns that it decodes, a row type
   */
  static List<BytesCheck> of(String format, DataType columns) {
    RowType row = (RowType) columns.getLogicalType();
    return switch (format) {
      case "json" -> List.of(new Utf8Check(), new JsonCheck(row));
      case "csv" -> List.of(new Utf8Check());
      case "raw" -> isText(row) ? List.of(new Utf8Check()) : List.of();
      default -> List.of();
    };
  }

  private static boolean isText(RowType row) {
    LogicalTypeRoot root = row.getTypeAt(0).getTypeRoot();
    return root == LogicalTypeRoot.VARCHAR || root == LogicalTypeRoot.CHAR;
  }
}
