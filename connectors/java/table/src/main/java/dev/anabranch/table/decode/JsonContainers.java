package dev.anabranch.table.decode;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;

/** Checks of JSON objects and arrays, field by field. */
final class JsonContainers {

  private JsonContainers() {}

  static final class Row extends JsonType {
    private static final long serialVersionUID = 1L;
    private final Map<String, JsonType> fields = new HashMap<>();

    Row(RowType type, String path) {
      super(type, path);
      for (RowType.RowField field : type.getFields()) {
        String name = path.isEmpty() ? field.getName() : path + "." + field.getName();
        fields.put(field.getName(), JsonType.of(field.getType(), name));
      }
    }

    @Override
    void check(JsonParser parser) throws IOException, UndecodableException {
      if (parser.currentToken() == JsonToken.VALUE_NULL) {
        return;
      }
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw mismatch(parser);
      }
      String name;
      while ((name = parser.nextFieldName()) != null) {
        parser.nextToken();
        JsonType field = fields.get(name);
        if (field == null) {
          parser.skipChildren();
        } else {
          field.check(parser);
        }
      }
    }
  }

  static final class Array extends JsonType {
    private static final long serialVersionUID = 1L;
    private final JsonType element;

    Array(ArrayType type, String path) {
      super(type, path);
      this.element = JsonType.of(type.getElementType(), path + "[]");
    }

    @Override
    void check(JsonParser parser) throws IOException, UndecodableException {
      if (parser.currentToken() == JsonToken.VALUE_NULL) {
        return;
      }
      if (parser.currentToken() != JsonToken.START_ARRAY) {
        throw mismatch(parser);
      }
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        element.check(parser);
      }
    }
  }

  static final class MapOf extends JsonType {
    private static final long serialVersionUID = 1L;
    private final JsonType value;

    MapOf(MapType type, String path) {
      super(type, path);
      this.value = JsonType.of(type.getValueType(), path + "{}");
    }

    @Override
    void check(JsonParser parser) throws IOException, UndecodableException {
      if (parser.currentToken() == JsonToken.VALUE_NULL) {
        return;
      }
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        throw mismatch(parser);
      }
      while (parser.nextFieldName() != null) {
        parser.nextToken();
        value.check(parser);
      }
    }
  }
}
