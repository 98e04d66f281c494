package dev.anabranch.table;

import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.jspecify.annotations.Nullable;

/**
 * Refuses what an option does not take in one sentence: option, value, what is allowed. Flink says
 * that in two exceptions, and SQL clients show the inner one alone, which names neither.
 */
final class OptionValues {
  /** All other numbers, times and sizes are more than 0. */
  private static final Set<ConfigOption<?>> FROM_ZERO =
      Set.of(
          UnionOptions.STARTUP_TIMESTAMP_MILLIS,
          UnionOptions.BOUNDED_TIMESTAMP_MILLIS,
          UnionOptions.WATERMARK_DELAY,
          UnionOptions.WATERMARK_IDLE_TIMEOUT,
          UnionOptions.TESTING_DROP_SHARE,
          CommonOptions.DEAD_LETTERS_MAX_VALUE_BYTES,
          PrismOptionKeys.EPOCH);

  /** As good as not set. */
  private static final Set<ConfigOption<?>> MAY_BE_EMPTY =
      Set.of(PrismOptionKeys.HOME, PrismOptionKeys.JOB_UID, PrismOptionKeys.SINK_UID);

  private OptionValues() {}

  /** Throws a {@link ValidationException} at the first option whose value it does not take. */
  static void check(Map<String, String> given, DynamicTableFactory connector) {
    Configuration values = Configuration.fromMap(given);
    Stream.of(connector.requiredOptions(), connector.optionalOptions())
        .<ConfigOption<?>>flatMap(Set::stream)
        .sorted(Comparator.comparing(ConfigOption::key))
        .forEach(
            option -> {
              if (!isTaken(values, option)) {
                throw new ValidationException(
                    "'%s' = '%s' must %s"
                        .formatted(
                            option.key(), given.getOrDefault(option.key(), ""), allowed(option)));
              }
            });
  }

  private static boolean isTaken(Configuration values, ConfigOption<?> option) {
    try {
      return values.getOptional(option).map(value -> isInRange(option, value)).orElse(true);
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static boolean isInRange(ConfigOption<?> option, Object value) {
    if (value instanceof String text) {
      return !text.isBlank() || MAY_BE_EMPTY.contains(option);
    }
    if (value instanceof MemorySize size) {
      return isFromLeast(option, size.getBytes())
          && (!isOfOneArray(option) || size.getBytes() <= Integer.MAX_VALUE);
    }
    if (value instanceof Double share) {
      return share >= 0 && share <= 1;
    }
    return value instanceof Duration time
        ? !time.isNegative() && isFromLeast(option, time.isZero() ? 0 : 1)
        : !(value instanceof Number number) || isFromLeast(option, number.longValue());
  }

  private static boolean isFromLeast(ConfigOption<?> option, long value) {
    return value >= (FROM_ZERO.contains(option) ? 0 : 1);
  }

  /** Whether all the bytes are held as one array. */
  private static boolean isOfOneArray(ConfigOption<?> option) {
    return option != PrismOptionKeys.MAX_IN_FLIGHT_BYTES;
  }

  /** What an option takes, as the end of a sentence. */
  private static String allowed(ConfigOption<?> option) {
    Object sample = sample(option);
    boolean fromZero = FROM_ZERO.contains(option);
    if (sample instanceof Enum<?> constant) {
      return Arrays.stream(constant.getDeclaringClass().getEnumConstants())
          .map(Object::toString)
          .collect(Collectors.joining(", ", "be one of: ", ""));
    }
    if (sample instanceof Duration) {
      return (fromZero ? "be 0 or a time" : "be a time above 0") + ", such as '30 s' or '5 min'";
    }
    if (sample instanceof MemorySize) {
      return "be a size %s%s, such as '64 kb'"
          .formatted(
              fromZero ? "of 0 or more bytes" : "of at least 1 byte",
              isOfOneArray(option) ? " and less than 2 GiB" : "");
    }
    if (sample instanceof Map<?, ?>) {
      return "be given one by one: '" + option.key() + ".<name>' = '<value>'";
    }
    if (sample instanceof Double) {
      return "be a number from 0 to 1";
    }
    if (sample instanceof Number) {
      return "be a whole number from " + (fromZero ? 0 : 1) + " on";
    }
    return sample instanceof Boolean ? "be true or false" : "not be empty";
  }

  /** A value of the option's type, which Flink does not tell. */
  private static @Nullable Object sample(ConfigOption<?> option) {
    if (option.hasDefaultValue()) {
      return option.defaultValue();
    }
    for (String text : new String[] {"1", "true"}) {
      try {
        return Configuration.fromMap(Map.of(option.key(), text)).get(option);
      } catch (IllegalArgumentException e) {
        continue; // Of another type.
      }
    }
    return null;
  }
}
