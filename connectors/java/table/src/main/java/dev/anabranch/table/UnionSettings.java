package dev.anabranch.table;

import dev.anabranch.dedup.DedupOptions;
import dev.anabranch.prism.PrismOptions;
import dev.anabranch.union.OutOfRangePolicy;
import dev.anabranch.union.RecordDeserializer;
import dev.anabranch.union.UnionSource;
import dev.anabranch.union.UnionSourceBuilder;
import dev.anabranch.union.WatermarkMode;
import java.time.Duration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.jspecify.annotations.Nullable;

/**
 * The options of a union table, validated and typed.
 *
 * @param positions where reading starts and ends
 * @param boundedDeadline null for the source's default
 * @param upsert whether of each key the highest version is read
 * @param dedup whether copies are dropped; upserts need no such thing, since a copy has no higher
 *     version
 * @param horizon how long ids, and versions of deleted keys, are remembered
 * @param deadLetters null where a bad record fails the job
 * @param letterOptions how dead letters are written
 * @param parallelism null where it is the job's
 * @param discoveryInterval null for the source's default
 * @param watermarkIdleTimeout where watermarks are left to Flink
 * @param lateRecords stream for records behind the watermark; null where windows drop them
 * @param testingDropShare share of the records that is lost on purpose, 0 to 1
 */
record UnionSettings(
    String topology,
    String stream,
    ScanPositions positions,
    @Nullable Duration boundedDeadline,
    @Nullable Integer parallelism,
    @Nullable String groupId,
    boolean upsert,
    boolean dedup,
    DedupOptions horizon,
    @Nullable String deadLetters,
    int deadLettersMaxValueBytes,
    PrismOptions letterOptions,
    int maxValueBytes,
    OutOfRangePolicy outOfRange,
    Duration topologyInterval,
    @Nullable Duration discoveryInterval,
    Duration watermarkDelay,
    Duration watermarkIdleTimeout,
    WatermarkMode watermarkMode,
    @Nullable String lateRecords,
    double testingDropShare) {

  /**
   * Throws a {@link ValidationException} where options do not go together; each by itself is {@link
   * OptionValues}' business.
   */
  static UnionSettings of(ReadableConfig options, boolean upsert) {
    return new UnionSettings(
        options.get(CommonOptions.TOPOLOGY),
        options.get(CommonOptions.STREAM),
        ScanPositions.of(options),
        options.getOptional(UnionOptions.BOUNDED_DEADLINE).orElse(null),
        options.getOptional(UnionOptions.PARALLELISM).orElse(null),
        options.getOptional(UnionOptions.GROUP_ID).orElse(null),
        upsert,
        !upsert && options.get(UnionOptions.DEDUP),
        horizon(options),
        CommonOptions.deadLetters(options),
        (int) options.get(CommonOptions.DEAD_LETTERS_MAX_VALUE_BYTES).getBytes(),
        letterOptions(options),
        (int) options.get(UnionOptions.MAX_VALUE_BYTES).getBytes(),
        options.get(UnionOptions.OUT_OF_RANGE),
        options.get(CommonOptions.TOPOLOGY_INTERVAL),
        options.getOptional(UnionOptions.DISCOVERY_INTERVAL).orElse(null),
        options.get(UnionOptions.WATERMARK_DELAY),
        options.get(UnionOptions.WATERMARK_IDLE_TIMEOUT),
        watermarkMode(options),
        lateRecords(options, upsert),
        options.get(UnionOptions.TESTING_DROP_SHARE));
  }

  /**
   * A source of these settings.
   *
   * @param mode that of the settings, which do not tell what event time is
   */
  <T> UnionSource<T> source(RecordDeserializer<T> deserializer, WatermarkMode mode) {
    UnionSourceBuilder<T> builder = UnionSource.builder().deserializer(deserializer);
    positions.apply(builder).topology(topology).stream(stream)
        .outOfRange(outOfRange)
        .groupId(groupId)
        .topologyInterval(topologyInterval)
        .watermarkMode(mode);
    if (discoveryInterval != null) {
      builder.discoveryInterval(discoveryInterval);
    }
    if (boundedDeadline != null) {
      builder.boundedDeadline(boundedDeadline);
    }
    return builder.build();
  }

  /** With a mode of its own the source keeps silent partitions from holding the watermark. */
  private static WatermarkMode watermarkMode(ReadableConfig options) {
    UnionOptions.OutageMode mode = options.get(UnionOptions.WATERMARK_MODE);
    if (mode != UnionOptions.OutageMode.HOLD
        && options.getOptional(UnionOptions.WATERMARK_HOLD_MAX).isPresent()) {
      throw new ValidationException(
          "'%s' needs '%s' = 'hold'"
              .formatted(UnionOptions.WATERMARK_HOLD_MAX.key(), UnionOptions.WATERMARK_MODE.key()));
    }
    if (mode == UnionOptions.OutageMode.STRATEGY) {
      return WatermarkMode.strategy();
    }
    WatermarkMode managed =
        mode == UnionOptions.OutageMode.HOLD
            ? WatermarkMode.hold(options.get(UnionOptions.WATERMARK_HOLD_MAX))
            : WatermarkMode.advance();
    return options
        .getOptional(UnionOptions.WATERMARK_IDLE_TIMEOUT)
        .map(managed::withIdleTimeout)
        .orElse(managed);
  }

  private static @Nullable String lateRecords(ReadableConfig options, boolean upsert) {
    String stream = options.getOptional(UnionOptions.LATE_RECORDS).orElse(null);
    if (stream != null && upsert) {
      throw new ValidationException(
          "'%s' is for tables without a PRIMARY KEY: an upsert counts by its version, however late"
              .formatted(UnionOptions.LATE_RECORDS.key()));
    }
    if (stream != null && stream.equals(options.get(CommonOptions.STREAM))) {
      throw new ValidationException(
          "'%s' = '%s' must be another stream than '%s', or be left out: then windows drop late records"
              .formatted(UnionOptions.LATE_RECORDS.key(), stream, CommonOptions.STREAM.key()));
    }
    return stream;
  }

  /** Of ids, and with upserts of the versions of deleted keys. */
  private static DedupOptions horizon(ReadableConfig options) {
    DedupOptions defaults = DedupOptions.defaults();
    return options
        .getOptional(UnionOptions.DEDUP_HORIZON)
        .map(defaults::withHorizon)
        .orElse(defaults);
  }

  private static PrismOptions letterOptions(ReadableConfig options) {
    try {
      return PrismOptions.builder()
          .maxBlock(options.get(UnionOptions.DEAD_LETTERS_MAX_BLOCK))
          .topologyInterval(options.get(CommonOptions.TOPOLOGY_INTERVAL))
          .build();
    } catch (IllegalArgumentException e) {
      throw new ValidationException("the writer of dead letters: " + e.getMessage());
    }
  }
}
