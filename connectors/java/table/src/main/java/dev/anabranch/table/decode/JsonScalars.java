package dev.anabranch.table.decode;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;

/** Checks of single JSON values. */
final class JsonScalars {
  /** Greatest magnitude up to which a double holds every integer. */
  private static final double EXACT_INTEGERS = 1L << 53;

  private JsonScalars() {}

  static final class Any extends JsonType {
    private static final long serialVersionUID = 1L;

    Any(LogicalType type, String path) {
      super(type, path);
    }

    @Override
    void check(JsonParser parser) throws IOException {
      parser.skipChildren();
    }
  }

  /** A type that has its own notation within a JSON string, which the decoder parses. */
  static final class Text extends JsonType {
    private static final long serialVersionUID = 1L;

    Text(LogicalType type, String path) {
      super(type, path);
    }

    @Override
    void check(JsonParser parser) throws IOException, UndecodableException {
      JsonToken token = parser.currentToken();
      if (token != JsonToken.VALUE_STRING && token != JsonToken.VALUE_NULL) {
        throw mismatch(parser);
      }
    }
  }

  static final class Bool extends JsonType {
    private static final long serialVersionUID = 1L;

    Bool(LogicalType type, String path) {
      super(type, path);
    }

    @Override
    void check(JsonParser parser) throws IOException, UndecodableException {
      switch (parser.currentToken()) {
        case VALUE_TRUE, VALUE_FALSE, VALUE_NULL -> {}
        case VALUE_STRING -> {
          String text = parser.getText().trim();
          if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
            throw mismatch(parser);
          }
        }
        default -> throw mismatch(parser);
      }
    }
  }

  static final class Whole extends JsonType {
    private static final long serialVersionUID = 1L;
    private final long min;
    private final long max;

    Whole(LogicalType type, String path, long min, long max) {
      super(type, path);
      this.min = min;
      this.max = max;
    }

    @Override
    void check(JsonParser parser) throws IOException, UndecodableException {
      switch (parser.currentToken()) {
        case VALUE_NULL -> {}
        case VALUE_NUMBER_INT -> inRange(parser, parser.getLongValue());
        case VALUE_NUMBER_FLOAT -> {
          double value = parser.getDoubleValue();
          if (value != Math.rint(value) || Math.abs(value) > EXACT_INTEGERS) {
            throw mismatch(parser);
          }
          inRange(parser, (long) value);
        }
        case VALUE_STRING -> {
          try {
            inRange(parser, Long.parseLong(parser.getText().trim()));
          } catch (NumberFormatException e) {
            throw mismatch(parser);
          }
        }
        default -> throw mismatch(parser);
      }
    }

    private void inRange(JsonParser parser, long value) throws IOException, UndecodableException {
      if (value < min || value > max) {
        throw mismatch(parser);
      }
    }
  }

  static final class Real extends JsonType {
    private static final long serialVersionUID = 1L;
    private final double max;

    Real(LogicalType type, String path, double max) {
      super(type, path);
      this.max = max;
    }

    @Override
    void check(JsonParser parser) throws IOException, UndecodableException {
      switch (parser.currentToken()) {
        case VALUE_NULL -> {}
        case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> inRange(parser, parser.getDoubleValue());
        case VALUE_STRING -> {
          try {
            inRange(parser, Double.parseDouble(parser.getText().trim()));
          } catch (NumberFormatException e) {
            throw mismatch(parser);
          }
        }
        default -> throw mismatch(parser);
      }
    }

    private void inRange(JsonParser parser, double value) throws IOException, UndecodableException {
      // Written so that NaN fails too.
      if (!(Math.abs(value) <= max)) {
        throw mismatch(parser);
      }
    }
  }

  static final class Fixed extends JsonType {
    private static final long serialVersionUID = 1L;

    /**
     * Of digits, and of places behind the point: to round 1e-100000000 to a few takes minutes, and
     * so does to read a string of a million digits.
     */
    private static final int MOST = 1_000;

    private final int maxWholeDigits;

    Fixed(DecimalType type, String path) {
      super(type, path);
      this.maxWholeDigits = type.getPrecision() - type.getScale();
    }

    @Override
    void check(JsonParser parser) throws IOException, UndecodableException {
      switch (parser.currentToken()) {
        case VALUE_NULL -> {}
        case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT, VALUE_STRING -> {
          String text = parser.getText().trim();
          if (text.length() > MOST) {
            throw mismatch(parser);
          }
          try {
            BigDecimal value = new BigDecimal(text);
            // In longs: a scale may be near the least int.
            long wholeDigits = (long) value.precision() - value.scale();
            if (value.scale() > MOST || (value.signum() != 0 && wholeDigits > maxWholeDigits)) {
              throw mismatch(parser);
            }
          } catch (NumberFormatException e) {
            throw mismatch(parser);
          }
        }
        default -> throw mismatch(parser);
      }
    }
  }
}
