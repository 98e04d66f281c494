package dev.anabranch.table.decode;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.anabranch.table.deadletter.Reason;
import java.io.IOException;
import java.io.Serializable;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;

/**
 * What JSON may stand where a column's type is declared. A null may stand anywhere, and anything
 * may stand for a STRING (Flink takes the JSON text of an object, which is how a column of any type
 * is declared).
 */
abstract class JsonType implements Serializable {
  private static final long serialVersionUID = 1L;

  private final LogicalType type;
  private final String path;

  JsonType(LogicalType type, String path) {
    this.type = type;
    this.path = path;
  }

  /**
   * Checks the value whose first token is the parser's current one, and leaves the parser on its
   * last token.
   */
  abstract void check(JsonParser parser) throws IOException, UndecodableException;

  UndecodableException mismatch(JsonParser parser) throws IOException {
    JsonToken token = parser.currentToken();
    String found = token.isScalarValue() ? parser.getText() : token.asString();
    return new UndecodableException(
        Reason.WRONG_TYPE, "field '" + path + "' is " + type.asSummaryString() + ", not " + found);
  }

  static JsonType of(LogicalType type, String path) {
    return switch (type.getTypeRoot()) {
      case ROW -> new JsonContainers.Row((RowType) type, path);
      case ARRAY -> new JsonContainers.Array((ArrayType) type, path);
      case MAP -> new JsonContainers.MapOf((MapType) type, path);
      case BOOLEAN -> new JsonScalars.Bool(type, path);
      case TINYINT -> new JsonScalars.Whole(type, path, Byte.MIN_VALUE, Byte.MAX_VALUE);
      case SMALLINT -> new JsonScalars.Whole(type, path, Short.MIN_VALUE, Short.MAX_VALUE);
      case INTEGER -> new JsonScalars.Whole(type, path, Integer.MIN_VALUE, Integer.MAX_VALUE);
      case BIGINT -> new JsonScalars.Whole(type, path, Long.MIN_VALUE, Long.MAX_VALUE);
      case FLOAT -> new JsonScalars.Real(type, path, Float.MAX_VALUE);
      case DOUBLE -> new JsonScalars.Real(type, path, Double.MAX_VALUE);
      case DECIMAL -> new JsonScalars.Fixed((DecimalType) type, path);
      case DATE,
          TIME_WITHOUT_TIME_ZONE,
          TIMESTAMP_WITHOUT_TIME_ZONE,
          TIMESTAMP_WITH_LOCAL_TIME_ZONE,
          BINARY,
          VARBINARY ->
          new JsonScalars.Text(type, path);
      default -> new JsonScalars.Any(type, path);
    };
  }
}
