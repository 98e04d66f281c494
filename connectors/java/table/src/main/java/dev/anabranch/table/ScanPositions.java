package dev.anabranch.table;

import dev.anabranch.table.UnionOptions.BoundedMode;
import dev.anabranch.table.UnionOptions.StartupMode;
import dev.anabranch.union.StartPosition;
import dev.anabranch.union.StopPosition;
import dev.anabranch.union.UnionSourceBuilder;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;

/**
 * The options {@code scan.startup.…} and {@code scan.bounded.…}, validated and typed.
 *
 * @param start where reading starts on each primary that is not in {@code starts}
 * @param starts by name of the primary
 * @param stop where reading ends on each primary that is not in {@code stops}
 * @param stops by name of the primary; empty where {@code stop} is never
 */
record ScanPositions(
    StartPosition start,
    Map<String, StartPosition> starts,
    StopPosition stop,
    Map<String, StopPosition> stops) {
  /** A mode; behind {@code timestamp} a time that fits a long. */
  private static final Pattern POSITION = Pattern.compile("([A-Za-z-]+)(?::(\\d{1,18}))?");

  /** Throws a {@link ValidationException} where options do not go together. */
  static ScanPositions of(ReadableConfig options) {
    requireWhatModesNeed(options);
    ScanPositions positions =
        new ScanPositions(
            start(
                options.get(UnionOptions.STARTUP_MODE),
                options.get(UnionOptions.STARTUP_TIMESTAMP_MILLIS)),
            own(
                options,
                UnionOptions.STARTUP_PRIMARY,
                EnumSet.allOf(StartupMode.class),
                ScanPositions::start),
            stop(
                options.get(UnionOptions.BOUNDED_MODE),
                options.get(UnionOptions.BOUNDED_TIMESTAMP_MILLIS)),
            own(
                options,
                UnionOptions.BOUNDED_PRIMARY,
                EnumSet.complementOf(EnumSet.of(BoundedMode.UNBOUNDED)),
                ScanPositions::stop));
    if (!positions.isBounded() && !positions.stops.isEmpty()) {
      throw new ValidationException(
          ("'%s' needs '%s': a read ends on all primaries or on none, and the mode holds for those"
                  + " that are not named")
              .formatted(UnionOptions.BOUNDED_PRIMARY.key(), UnionOptions.BOUNDED_MODE.key()));
    }
    return positions;
  }

  /** Whether reading ends. */
  boolean isBounded() {
    return stop.kind() != StopPosition.Kind.NEVER;
  }

  /** Gives a source these positions. */
  <T> UnionSourceBuilder<T> apply(UnionSourceBuilder<T> builder) {
    builder.start(start).stop(stop);
    starts.forEach(builder::start);
    stops.forEach(builder::stop);
    return builder;
  }

  private static void requireWhatModesNeed(ReadableConfig options) {
    requireMode(
        options,
        UnionOptions.STARTUP_MODE,
        StartupMode.TIMESTAMP,
        UnionOptions.STARTUP_TIMESTAMP_MILLIS);
    requireMode(
        options,
        UnionOptions.BOUNDED_MODE,
        BoundedMode.TIMESTAMP,
        UnionOptions.BOUNDED_TIMESTAMP_MILLIS);
    requireWith(
        options,
        UnionOptions.STARTUP_MODE,
        StartupMode.TIMESTAMP,
        UnionOptions.STARTUP_TIMESTAMP_MILLIS);
    requireWith(
        options, UnionOptions.STARTUP_MODE, StartupMode.GROUP_OFFSETS, UnionOptions.GROUP_ID);
    requireWith(
        options,
        UnionOptions.BOUNDED_MODE,
        BoundedMode.TIMESTAMP,
        UnionOptions.BOUNDED_TIMESTAMP_MILLIS);
    requireWith(
        options, UnionOptions.BOUNDED_MODE, BoundedMode.GROUP_OFFSETS, UnionOptions.GROUP_ID);
  }

  private static <T> void requireWith(
      ReadableConfig options, ConfigOption<T> mode, T value, ConfigOption<?> needed) {
    if (options.get(mode) == value) {
      require(options, mode.key(), value, needed);
    }
  }

  /** A time that is not gone by would be passed over in silence. */
  private static <T> void requireMode(
      ReadableConfig options, ConfigOption<T> mode, T value, ConfigOption<Long> time) {
    if (options.get(mode) != value && options.getOptional(time).isPresent()) {
      throw new ValidationException(
          "'%s' = '%s' needs '%s' = '%s', not '%s'"
              .formatted(time.key(), options.get(time), mode.key(), value, options.get(mode)));
    }
  }

  private static void require(
      ReadableConfig options, String option, Object value, ConfigOption<?> needed) {
    if (options.getOptional(needed).isEmpty()) {
      throw new ValidationException(
          "'%s' = '%s' needs '%s'".formatted(option, value, needed.key()));
    }
  }

  private static StartPosition start(StartupMode mode, Long timestampMs) {
    return switch (mode) {
      case EARLIEST -> StartPosition.earliest();
      case LATEST -> StartPosition.latest();
      case TIMESTAMP -> StartPosition.timestamp(timestampMs);
      case GROUP_OFFSETS -> StartPosition.committed(StartPosition.earliest());
    };
  }

  private static StopPosition stop(BoundedMode mode, Long timestampMs) {
    return switch (mode) {
      case UNBOUNDED -> StopPosition.never();
      case LATEST -> StopPosition.latest();
      case TIMESTAMP -> StopPosition.timestamp(timestampMs);
      case GROUP_OFFSETS -> StopPosition.committed();
    };
  }

  /** Positions of single primaries: a mode each, with the time in the same word. */
  private static <M extends Enum<M>, P> Map<String, P> own(
      ReadableConfig options,
      ConfigOption<Map<String, String>> option,
      Set<M> modes,
      BiFunction<M, Long, P> position) {
    requireNames(options, option);
    Map<String, P> own = new TreeMap<>();
    options
        .get(option)
        .forEach(
            (primary, text) -> {
              String entry = option.key() + "." + primary.strip();
              Matcher parts = POSITION.matcher(text.strip());
              M mode =
                  modes.stream()
                      .filter(each -> parts.matches() && isNamed(each, parts.group(1)))
                      .filter(each -> isNamed(each, "timestamp") == (parts.group(2) != null))
                      .findFirst()
                      .orElseThrow(() -> noPosition(entry, text, modes));
              if (isNamed(mode, "group-offsets")) {
                require(options, entry, mode, UnionOptions.GROUP_ID);
              }
              String timestampMs = parts.group(2);
              own.put(
                  primary.strip(),
                  position.apply(mode, timestampMs == null ? 0L : Long.valueOf(timestampMs)));
            });
    return own;
  }

  /** Flink would take the bare name for the whole map, and pass over the entries beside it. */
  private static void requireNames(ReadableConfig options, ConfigOption<?> option) {
    String bare = option.key();
    if (options.getOptional(ConfigOptions.key(bare).stringType().noDefaultValue()).isPresent()) {
      throw new ValidationException(
          "'%s' lacks a primary: write '%s.<name>' = '<position>'".formatted(bare, bare));
    }
  }

  /** Of any case, as Flink reads modes. */
  private static boolean isNamed(Enum<?> mode, String word) {
    return mode.toString().equalsIgnoreCase(word);
  }

  private static ValidationException noPosition(String entry, String text, Set<?> modes) {
    return new ValidationException(
        "'%s' = '%s' is no position; there are: %s"
            .formatted(
                entry,
                text,
                modes.stream()
                    .map(Object::toString)
                    .map(mode -> mode.equals("timestamp") ? "timestamp:<Unix milliseconds>" : mode)
                    .collect(Collectors.joining(", "))));
  }
}
