package dev.anabranch.table;

import dev.anabranch.union.OutOfRangePolicy;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;

/** Options of the connector {@code union}; docs/sql.md tells the reasons. */
final class UnionOptions {
  static final ConfigOption<StartupMode> STARTUP_MODE =
      ConfigOptions.key("scan.startup.mode")
          .enumType(StartupMode.class)
          .defaultValue(StartupMode.EARLIEST)
          .withDescription("Where reading starts where there is no checkpoint.");

  static final ConfigOption<Long> STARTUP_TIMESTAMP_MILLIS =
      ConfigOptions.key("scan.startup.timestamp-millis")
          .longType()
          .noDefaultValue()
          .withDescription("Create time to start from, Unix milliseconds.");

  static final ConfigOption<Map<String, String>> STARTUP_PRIMARY =
      ConfigOptions.key("scan.startup.primary")
          .mapType()
          .defaultValue(Map.of())
          .withDescription("Where reading starts on single primaries, by their names.");

  static final ConfigOption<BoundedMode> BOUNDED_MODE =
      ConfigOptions.key("scan.bounded.mode")
          .enumType(BoundedMode.class)
          .defaultValue(BoundedMode.UNBOUNDED)
          .withDescription("Where reading ends, if it does.");

  static final ConfigOption<Long> BOUNDED_TIMESTAMP_MILLIS =
      ConfigOptions.key("scan.bounded.timestamp-millis")
          .longType()
          .noDefaultValue()
          .withDescription("Create time to end before, Unix milliseconds.");

  static final ConfigOption<Map<String, String>> BOUNDED_PRIMARY =
      ConfigOptions.key("scan.bounded.primary")
          .mapType()
          .defaultValue(Map.of())
          .withDescription("Where reading ends on single primaries, by their names.");

  static final ConfigOption<Duration> BOUNDED_DEADLINE =
      ConfigOptions.key("scan.bounded.deadline")
          .durationType()
          .noDefaultValue() // The source's own.
          .withDescription("How long a bounded read waits for a primary that does not answer.");

  static final ConfigOption<Integer> PARALLELISM =
      ConfigOptions.key("scan.parallelism")
          .intType()
          .noDefaultValue()
          .withDescription("Parallelism of source, de-duplication and decoding.");

  static final ConfigOption<String> GROUP_ID =
      ConfigOptions.key("group-id")
          .stringType()
          .noDefaultValue()
          .withDescription("Consumer group whose offsets are read and committed.");

  static final ConfigOption<Boolean> DEDUP =
      ConfigOptions.key("dedup")
          .booleanType()
          .defaultValue(true)
          .withDescription("Whether copies of one record are dropped.");

  static final ConfigOption<Duration> DEDUP_HORIZON =
      ConfigOptions.key("dedup.horizon")
          .durationType()
          .noDefaultValue()
          .withDescription("Records older than this against the newest are late.");

  static final ConfigOption<Boolean> LATEST_BY_VERSION =
      ConfigOptions.key("latest-by-version")
          .booleanType()
          .noDefaultValue()
          .withDescription(
              "Whether of each key the highest version counts; on with a PRIMARY KEY.");

  static final ConfigOption<Duration> DEAD_LETTERS_MAX_BLOCK =
      ConfigOptions.key("dead-letters.max-block")
          .durationType()
          .defaultValue(Duration.ofSeconds(60))
          .withDescription("How long no primary may take dead letters before the job fails.");

  static final ConfigOption<MemorySize> MAX_VALUE_BYTES =
      ConfigOptions.key("max-value-bytes")
          .memoryType()
          .defaultValue(MemorySize.ofMebiBytes(1))
          .withDescription("Longer values are not decoded.");

  static final ConfigOption<OutOfRangePolicy> OUT_OF_RANGE =
      ConfigOptions.key("out-of-range")
          .enumType(OutOfRangePolicy.class)
          .defaultValue(OutOfRangePolicy.RESET)
          .withDescription("What to do where the next offset is not in the log.");

  static final ConfigOption<Duration> DISCOVERY_INTERVAL =
      ConfigOptions.key("discovery.interval")
          .durationType()
          .noDefaultValue() // The source's own.
          .withDescription("How often each primary is asked for new topics and partitions.");

  static final ConfigOption<Duration> WATERMARK_DELAY =
      ConfigOptions.key("watermark.delay")
          .durationType()
          .defaultValue(Duration.ofSeconds(5))
          .withDescription("How far SOURCE_WATERMARK() stays behind the newest create time.");

  static final ConfigOption<Duration> WATERMARK_IDLE_TIMEOUT =
      ConfigOptions.key("watermark.idle-timeout")
          .durationType()
          .defaultValue(Duration.ZERO)
          .withDescription("After this silence a partition no longer holds SOURCE_WATERMARK().");

  static final ConfigOption<OutageMode> WATERMARK_MODE =
      ConfigOptions.key("watermark.mode")
          .enumType(OutageMode.class)
          .defaultValue(OutageMode.STRATEGY)
          .withDescription("What SOURCE_WATERMARK() does while a primary cannot be read.");

  static final ConfigOption<Duration> WATERMARK_HOLD_MAX =
      ConfigOptions.key("watermark.hold.max")
          .durationType()
          .defaultValue(Duration.ofHours(1))
          .withDescription("Time down after which a primary holds SOURCE_WATERMARK() no longer.");

  static final ConfigOption<String> LATE_RECORDS =
      ConfigOptions.key("late-records")
          .stringType()
          .noDefaultValue()
          .withDescription("Stream for records that come behind SOURCE_WATERMARK().");

  static final ConfigOption<Double> TESTING_DROP_SHARE =
      ConfigOptions.key("testing.drop-share")
          .doubleType()
          .defaultValue(0.0)
          .withDescription(
              "Loses this share of the records at random before de-duplication, to prove that whoever"
                  + " checks a pipeline would notice. Never use it on data that matters.");

  /** All of the above. */
  static final Set<ConfigOption<?>> ALL =
      Set.of(
          STARTUP_MODE,
          STARTUP_TIMESTAMP_MILLIS,
          STARTUP_PRIMARY,
          BOUNDED_MODE,
          BOUNDED_TIMESTAMP_MILLIS,
          BOUNDED_PRIMARY,
          BOUNDED_DEADLINE,
          PARALLELISM,
          GROUP_ID,
          DEDUP,
          DEDUP_HORIZON,
          LATEST_BY_VERSION,
          DEAD_LETTERS_MAX_BLOCK,
          MAX_VALUE_BYTES,
          OUT_OF_RANGE,
          DISCOVERY_INTERVAL,
          WATERMARK_DELAY,
          WATERMARK_IDLE_TIMEOUT,
          WATERMARK_MODE,
          WATERMARK_HOLD_MAX,
          LATE_RECORDS,
          TESTING_DROP_SHARE);

  /** Where reading starts. */
  enum StartupMode {
    EARLIEST,
    LATEST,
    TIMESTAMP,
    GROUP_OFFSETS;

    @Override
    public String toString() {
      return CommonOptions.kebab(this);
    }
  }

  /** Where reading ends. */
  enum BoundedMode {
    UNBOUNDED,
    LATEST,
    TIMESTAMP,
    GROUP_OFFSETS;

    @Override
    public String toString() {
      return CommonOptions.kebab(this);
    }
  }

  /** What the watermark does while a primary cannot be read. */
  enum OutageMode {
    STRATEGY,
    HOLD,
    ADVANCE;

    @Override
    public String toString() {
      return CommonOptions.kebab(this);
    }
  }

  private UnionOptions() {}
}
