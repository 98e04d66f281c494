package dev.anabranch.table.decode;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import dev.anabranch.table.deadletter.Reason;
import java.io.IOException;
import org.apache.flink.table.types.logical.RowType;

/**
 * Holds a JSON value against RFC 8259 and the table's types. Flink's decoder stops at the end of
 * the object (what follows it is ignored), reads 1.7 into a BIGINT as 1, the text "NaN" into a
 * DOUBLE, any text into a BOOLEAN as false, and a DECIMAL that is too long as NULL. Here each of
 * these is an error, as is whatever is not JSON at all, also in fields that the table leaves out.
 */
final class JsonCheck implements BytesCheck {
  private static final long serialVersionUID = 1L;
  private static final JsonFactory FACTORY = new JsonFactory();

  private final JsonType columns;

  JsonCheck(RowType type) {
    this.columns = JsonType.of(type, "");
  }

  @Override
  public void check(byte[] bytes) throws UndecodableException {
    try (JsonParser parser = FACTORY.createParser(bytes)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new UndecodableException(Reason.MALFORMED, "the value is not a JSON object");
      }
      columns.check(parser);
      if (parser.nextToken() != null) {
        throw malformed(parser, "something follows the JSON object");
      }
    } catch (InputCoercionException e) {
      throw new UndecodableException(Reason.WRONG_TYPE, e.getOriginalMessage(), e);
    } catch (JsonProcessingException e) {
      throw new UndecodableException(
          Reason.MALFORMED,
          e.getOriginalMessage() + " (at byte " + e.getLocation().getByteOffset() + ")",
          e);
    } catch (IOException e) {
      throw new UndecodableException(Reason.MALFORMED, String.valueOf(e.getMessage()), e);
    }
  }

  private static UndecodableException malformed(JsonParser parser, String what) {
    return new UndecodableException(
        Reason.MALFORMED,
        what + " (at byte " + parser.currentTokenLocation().getByteOffset() + ")");
  }
}
