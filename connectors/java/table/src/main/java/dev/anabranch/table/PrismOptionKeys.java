package dev.anabranch.table;

import dev.anabranch.prism.RecordIdMode;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/** Options of the connector {@code prism}; docs/sql.md tells the reasons. */
final class PrismOptionKeys {
  static final ConfigOption<RecordIdMode> RECORD_ID =
      ConfigOptions.key("record-id")
          .enumType(RecordIdMode.class)
          .defaultValue(RecordIdMode.DERIVED)
          .withDescription("Where the ids of appended records come from.");

  static final ConfigOption<List<String>> RECORD_ID_FIELDS =
      ConfigOptions.key("record-id.fields")
          .stringType()
          .asList()
          .defaultValues()
          .withDescription("Columns whose values name the scope of an id.");

  static final ConfigOption<String> RECORD_ID_SEQUENCE_FIELD =
      ConfigOptions.key("record-id.sequence-field")
          .stringType()
          .noDefaultValue()
          .withDescription("Column with the position of a record in its scope.");

  static final ConfigOption<String> JOB_UID =
      ConfigOptions.key("job-uid")
          .stringType()
          .noDefaultValue()
          .withDescription("Name of the job in derived ids; stable over restarts and upgrades.");

  static final ConfigOption<String> SINK_UID =
      ConfigOptions.key("sink-uid")
          .stringType()
          .noDefaultValue()
          .withDescription("Name of this output in derived ids; the table's name by default.");

  static final ConfigOption<Integer> EPOCH =
      ConfigOptions.key("epoch")
          .intType()
          .defaultValue(0)
          .withDescription("Term of the job's authority record, in the versions of upserts.");

  static final ConfigOption<String> HOME =
      ConfigOptions.key("home")
          .stringType()
          .defaultValue("")
          .withDescription("Primary to write to while it works; empty spreads over all.");

  static final ConfigOption<Map<String, String>> WEIGHTS =
      ConfigOptions.key("weights")
          .mapType()
          .defaultValue(Map.of())
          .withDescription("Share of each primary where none is home, 1 where it is not named.");

  static final ConfigOption<Duration> HEDGE_AFTER =
      ConfigOptions.key("hedge-after")
          .durationType()
          .defaultValue(Duration.ofMillis(500))
          .withDescription("After this silence a record goes to another primary as well.");

  static final ConfigOption<Duration> MAX_BLOCK =
      ConfigOptions.key("max-block")
          .durationType()
          .defaultValue(Duration.ofSeconds(60))
          .withDescription("How long no primary may take records before the job fails.");

  static final ConfigOption<Duration> DEGRADE_AFTER =
      ConfigOptions.key("degrade-after")
          .durationType()
          .noDefaultValue()
          .withDescription(
              "After this time with too few primaries fewer copies do, and are listed.");

  static final ConfigOption<Duration> MAX_STALE =
      ConfigOptions.key("max-stale")
          .durationType()
          .defaultValue(Duration.ofHours(24))
          .withDescription("Age of the topology document beyond which nothing more is written.");

  static final ConfigOption<Integer> MAX_IN_FLIGHT_RECORDS =
      ConfigOptions.key("max-in-flight.records")
          .intType()
          .defaultValue(20_000)
          .withDescription("Records sent and not yet acknowledged, per subtask.");

  static final ConfigOption<MemorySize> MAX_IN_FLIGHT_BYTES =
      ConfigOptions.key("max-in-flight.bytes")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(32))
          .withDescription("Their keys and values, per subtask.");

  static final ConfigOption<Integer> PARALLELISM =
      ConfigOptions.key("sink.parallelism")
          .intType()
          .noDefaultValue()
          .withDescription("Parallelism of the sink.");

  /** Start of options that are handed to the Kafka producers. */
  static final String PROPERTIES_PREFIX = "properties.";

  /** All of the above. */
  static final Set<ConfigOption<?>> ALL =
      Set.of(
          RECORD_ID,
          RECORD_ID_FIELDS,
          RECORD_ID_SEQUENCE_FIELD,
          JOB_UID,
          SINK_UID,
          EPOCH,
          HOME,
          WEIGHTS,
          HEDGE_AFTER,
          MAX_BLOCK,
          DEGRADE_AFTER,
          MAX_STALE,
          MAX_IN_FLIGHT_RECORDS,
          MAX_IN_FLIGHT_BYTES,
          PARALLELISM);

  private PrismOptionKeys() {}
}
