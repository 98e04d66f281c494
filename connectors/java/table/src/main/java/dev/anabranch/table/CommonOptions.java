package dev.anabranch.table;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.factories.FactoryUtil;
import org.jspecify.annotations.Nullable;

/** Options that both connectors take. */
final class CommonOptions {
  static final ConfigOption<String> TOPOLOGY =
      ConfigOptions.key("topology")
          .stringType()
          .noDefaultValue()
          .withDescription("Path or URI of the topology document.");

  static final ConfigOption<String> STREAM =
      ConfigOptions.key("stream")
          .stringType()
          .noDefaultValue()
          .withDescription("Name of the stream in the topology document.");

  static final ConfigOption<String> KEY_FORMAT =
      ConfigOptions.key("key" + FactoryUtil.FORMAT_SUFFIX)
          .stringType()
          .noDefaultValue()
          .withDescription("Format of the Kafka key; with a PRIMARY KEY that of the value.");

  static final ConfigOption<List<String>> KEY_FIELDS =
      ConfigOptions.key("key.fields")
          .stringType()
          .asList()
          .defaultValues()
          .withDescription("Columns that are the Kafka key; with a PRIMARY KEY it names them.");

  static final ConfigOption<ValueFields> VALUE_FIELDS_INCLUDE =
      ConfigOptions.key("value.fields-include")
          .enumType(ValueFields.class)
          .defaultValue(ValueFields.ALL)
          .withDescription("Whether the value holds the key's columns too.");

  static final ConfigOption<Duration> TOPOLOGY_INTERVAL =
      ConfigOptions.key("topology.interval")
          .durationType()
          .defaultValue(Duration.ofSeconds(10))
          .withDescription("How often the topology document is read again.");

  static final ConfigOption<String> DEAD_LETTERS =
      ConfigOptions.key("dead-letters")
          .stringType()
          .noDefaultValue()
          .withDescription(
              "Stream that takes records which cannot go on; without it the job fails.");

  static final ConfigOption<MemorySize> DEAD_LETTERS_MAX_VALUE_BYTES =
      ConfigOptions.key("dead-letters.max-value-bytes")
          .memoryType()
          .defaultValue(MemorySize.parse("64 kb"))
          .withDescription("How much of a value a dead letter keeps.");

  /** What each connector requires. */
  static final Set<ConfigOption<?>> REQUIRED = Set.of(TOPOLOGY, STREAM, FactoryUtil.FORMAT);

  private static final Set<ConfigOption<?>> OPTIONAL =
      Set.of(
          KEY_FORMAT,
          KEY_FIELDS,
          VALUE_FIELDS_INCLUDE,
          TOPOLOGY_INTERVAL,
          DEAD_LETTERS,
          DEAD_LETTERS_MAX_VALUE_BYTES);

  /** Which columns the value holds. */
  enum ValueFields {
    ALL,
    EXCEPT_KEY
  }

  private CommonOptions() {}

  /** What a connector takes beside what it requires: its own options and those of both. */
  static Set<ConfigOption<?>> optional(Set<ConfigOption<?>> own) {
    Set<ConfigOption<?>> all = new HashSet<>(OPTIONAL);
    all.addAll(own);
    return all;
  }

  /**
   * The stream of dead letters, or null. In the table's own stream a letter that cannot be read, or
   * that no primary takes, would make another one, for ever.
   */
  static @Nullable String deadLetters(ReadableConfig options) {
    String stream = options.getOptional(DEAD_LETTERS).orElse(null);
    if (stream != null && stream.equals(options.get(STREAM))) {
      throw new ValidationException(
          "'%s' = '%s' must be another stream than '%s', or be left out: then such a record fails the job"
              .formatted(DEAD_LETTERS.key(), stream, STREAM.key()));
    }
    return stream;
  }

  /** How an enum's constant is written in options. */
  static String kebab(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
