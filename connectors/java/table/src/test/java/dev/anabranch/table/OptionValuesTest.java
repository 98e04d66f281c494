package dev.anabranch.table;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What single options take. */
class OptionValuesTest {
  private static final DynamicTableFactory UNION = new UnionTableFactory();
  private static final DynamicTableFactory PRISM = new PrismTableFactory();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "out-of-range|x|be one of: park, fail, reset",
        "testing.drop-share|7|be a number from 0 to 1",
        "testing.drop-share|-1|be a number from 0 to 1",
        "testing.drop-share|NaN|be a number from 0 to 1",
        "max-value-bytes|0 b|be a size of at least 1 byte and less than 2 GiB, such as '64 kb'",
        "max-value-bytes|2 gb|be a size of at least 1 byte and less than 2 GiB, such as '64 kb'",
        "dead-letters.max-value-bytes|x|be a size of 0 or more bytes and less than 2 GiB, such as '64 kb'",
        "scan.parallelism|-1|be a whole number from 1 on",
        "scan.parallelism|1.5|be a whole number from 1 on",
        "scan.startup.timestamp-millis|-4|be a whole number from 0 on",
        "scan.bounded.timestamp-millis|-4|be a whole number from 0 on",
        "scan.startup.primary|latest|be given one by one: 'scan.startup.primary.<name>' = '<value>'",
        "scan.startup.mode|first|be one of: earliest, latest, timestamp, group-offsets",
        "group-id|''|not be empty",
        "dedup|yes|be true or false",
        "latest-by-version|yes|be true or false",
        "dedup.horizon|-1 d|be a time above 0, such as '30 s' or '5 min'",
        "discovery.interval|PT-1S|be a time above 0, such as '30 s' or '5 min'",
        "topology.interval|0 s|be a time above 0, such as '30 s' or '5 min'",
        "watermark.mode|wait|be one of: strategy, hold, advance",
        "watermark.hold.max|0 s|be a time above 0, such as '30 s' or '5 min'",
        "late-records|''|not be empty",
        "watermark.delay|-1 s|be 0 or a time, such as '30 s' or '5 min'",
      })
  void unionRefuses(String option, String value, String allowed) {
    assertRefused(UNION, option, value, allowed);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "epoch|-1|be a whole number from 0 on",
        "sink.parallelism|0|be a whole number from 1 on",
        "max-in-flight.records|0|be a whole number from 1 on",
        "max-in-flight.bytes|0 b|be a size of at least 1 byte, such as '64 kb'",
        "dead-letters.max-value-bytes|4 gb|be a size of 0 or more bytes and less than 2 GiB, such as '64 kb'",
        "hedge-after|-1 s|be a time above 0, such as '30 s' or '5 min'",
        "record-id|x|be one of: derived, columns, none",
        "weights|a|be given one by one: 'weights.<name>' = '<value>'",
      })
  void prismRefuses(String option, String value, String allowed) {
    assertRefused(PRISM, option, value, allowed);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "testing.drop-share|1",
        "watermark.delay|0 s",
        "watermark.idle-timeout|0",
        "scan.startup.timestamp-millis|0",
        "scan.startup.mode|Earliest",
        "dead-letters.max-value-bytes|0 b",
        "max-in-flight.bytes|4 gb",
        "epoch|0",
        "home|''",
      })
  void limitsAreTaken(String option, String value) {
    assertThatCode(
            () -> {
              OptionValues.check(Map.of(option, value), UNION);
              OptionValues.check(Map.of(option, value), PRISM);
            })
        .doesNotThrowAnyException();
  }

  static Stream<String> times() {
    return Stream.of(UNION, PRISM)
        .flatMap(connector -> connector.optionalOptions().stream())
        .map(ConfigOption::key)
        .filter(key -> key.matches(".*(interval|horizon|deadline|timeout|delay|max-block|stale)"));
  }

  @ParameterizedTest
  @MethodSource("times")
  void noTimeIsNegative(String option) {
    assertThatThrownBy(
            () -> {
              OptionValues.check(Map.of(option, "-1 d"), UNION);
              OptionValues.check(Map.of(option, "-1 d"), PRISM);
            })
        .isInstanceOf(ValidationException.class)
        .hasMessageStartingWith("'" + option + "' = '-1 d' must be ");
  }

  private static void assertRefused(
      DynamicTableFactory connector, String option, String value, String allowed) {
    assertThatThrownBy(() -> OptionValues.check(Map.of(option, value), connector))
        .isInstanceOf(ValidationException.class)
        .hasNoCause()
        .hasMessage("'%s' = '%s' must %s".formatted(option, value, allowed));
  }
}
