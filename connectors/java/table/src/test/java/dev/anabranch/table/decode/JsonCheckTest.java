package dev.anabranch.table.decode;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.anabranch.table.deadletter.Reason;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonCheckTest {
  private static final RowType TYPE =
      (RowType)
          DataTypes.ROW(
                  DataTypes.FIELD("s", DataTypes.STRING()),
                  DataTypes.FIELD("b", DataTypes.BOOLEAN()),
                  DataTypes.FIELD("t", DataTypes.TINYINT()),
                  DataTypes.FIELD("i", DataTypes.INT()),
                  DataTypes.FIELD("l", DataTypes.BIGINT()),
                  DataTypes.FIELD("f", DataTypes.FLOAT()),
                  DataTypes.FIELD("d", DataTypes.DOUBLE()),
                  DataTypes.FIELD("n", DataTypes.DECIMAL(5, 2)),
                  DataTypes.FIELD("at", DataTypes.TIMESTAMP(3)),
                  DataTypes.FIELD("xs", DataTypes.ARRAY(DataTypes.INT())),
                  DataTypes.FIELD("m", DataTypes.MAP(DataTypes.STRING(), DataTypes.DOUBLE())),
                  DataTypes.FIELD("r", DataTypes.ROW(DataTypes.FIELD("x", DataTypes.INT()))))
              .getLogicalType();

  private final JsonCheck check = new JsonCheck(TYPE);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        " {\"s\": \"x\"} \n",
        "{\"s\": null, \"i\": null, \"r\": null, \"xs\": null, \"m\": null}",
        "{\"s\": {\"any\": [1, {}]}}",
        "{\"s\": 17}",
        "{\"b\": true}",
        "{\"b\": \"False\"}",
        "{\"i\": 2147483647, \"l\": -9223372036854775808, \"t\": -128}",
        "{\"i\": 3.0, \"l\": \"12\"}",
        "{\"f\": 1e38, \"d\": 1.7e308, \"d\": 5}",
        "{\"n\": 999.99}",
        "{\"n\": \"-1.5\"}",
        "{\"n\": 0.000001}",
        "{\"n\": 1e-1000}",
        "{\"n\": 0e999999999}",
        "{\"at\": \"2024-01-01 00:00:00\"}",
        "{\"xs\": [1, null, 3], \"m\": {\"a\": 1.5}, \"r\": {\"x\": 1, \"y\": [{}]}}",
        "{\"unknown\": {\"deep\": [1, 2, {\"s\": \"\\u00e4\"}]}}",
      })
  void acceptsWhatFits(String json) {
    assertThatCode(() -> check.check(json.getBytes(UTF_8))).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "   ",
        "[]",
        "17",
        "null",
        "{",
        "{\"s\": \"cut o",
        "{\"s\": \"x\"",
        "{\"s\": \"x\"} {",
        "{\"s\": \"x\"}x",
        "{\"s\": \"x\"}{\"s\": \"y\"}",
        "{\"d\": NaN}",
        "{\"unknown\": NaN}",
        "{\"s\": -Infinity}",
        "{'s': 1}",
        "{s: 1}",
        "{\"i\": 01}",
        "{\"s\": \"tab\there\"}",
        "{\"unknown\": [1, 2}",
        "{\"i\": 1,}",
      })
  void refusesWhatIsNotOneJsonObject(String json) {
    assertThat(refusal(json).reason()).isEqualTo(Reason.MALFORMED);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"i\": 1.7}                       | field 'i' is INT, not 1.7",
        "{\"i\": 2147483648}                | field 'i' is INT, not 2147483648",
        "{\"t\": 128}                       | field 't' is TINYINT, not 128",
        "{\"l\": 1e30}                      | field 'l' is BIGINT, not 1e30",
        "{\"l\": \"twelve\"}                | field 'l' is BIGINT, not twelve",
        "{\"l\": true}                      | field 'l' is BIGINT, not true",
        "{\"l\": {}}                        | field 'l' is BIGINT, not {",
        "{\"b\": \"yes\"}                   | field 'b' is BOOLEAN, not yes",
        "{\"b\": 1}                         | field 'b' is BOOLEAN, not 1",
        "{\"d\": \"NaN\"}                   | field 'd' is DOUBLE, not NaN",
        "{\"d\": 1e400}                     | field 'd' is DOUBLE, not 1e400",
        "{\"f\": 1e39}                      | field 'f' is FLOAT, not 1e39",
        "{\"d\": []}                        | field 'd' is DOUBLE, not [",
        "{\"n\": 1000}                      | field 'n' is DECIMAL(5, 2), not 1000",
        "{\"n\": 1e2147483647}             | field 'n' is DECIMAL(5, 2), not 1e2147483647",
        "{\"n\": 1e-100000000}             | field 'n' is DECIMAL(5, 2), not 1e-100000000",
        "{\"n\": 0e-100000000}             | field 'n' is DECIMAL(5, 2), not 0e-100000000",
        "{\"at\": 1700000000}               | field 'at' is TIMESTAMP(3), not 1700000000",
        "{\"xs\": {\"a\": 1}}               | field 'xs' is ARRAY<INT>, not {",
        "{\"xs\": [1, \"x\"]}               | field 'xs[]' is INT, not x",
        "{\"m\": {\"a\": \"x\"}}            | field 'm{}' is DOUBLE, not x",
        "{\"r\": {\"x\": \"no\"}}           | field 'r.x' is INT, not no",
        "{\"r\": 5}                         | field 'r' is ROW<`x` INT>, not 5",
      })
  void refusesWrongTypesByName(String json, String detail) {
    UndecodableException refusal = refusal(json);

    assertThat(refusal.reason()).isEqualTo(Reason.WRONG_TYPE);
    assertThat(refusal.detail()).isEqualTo(detail);
  }

  @Test
  void refusesALongOutOfRange() {
    assertThat(refusal("{\"l\": 9223372036854775808}").reason()).isEqualTo(Reason.WRONG_TYPE);
  }

  @Test
  void doesNotReadEndlessDecimals() {
    String digits = "0." + "1".repeat(1_000_000);
    assertThat(refusal("{\"n\": \"" + digits + "\"}").reason()).isEqualTo(Reason.WRONG_TYPE);
  }

  @Test
  void saysAtWhichByteItStopped() {
    assertThat(refusal("{\"s\": \"x\"} 5").detail())
        .isEqualTo("something follows the JSON object (at byte 11)");
  }

  private UndecodableException refusal(String json) {
    return catchThrowableOfType(
        UndecodableException.class, () -> check.check(json.getBytes(UTF_8)));
  }
}
