package dev.anabranch.table;

import dev.anabranch.table.UnionTableSource.Part;
import dev.anabranch.topology.Topology;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;

/** Makes {@code 'connector' = 'union'} known to SQL. */
public final class UnionTableFactory implements DynamicTableSourceFactory {
  /** What {@code 'connector'} is set to. */
  public static final String IDENTIFIER = "union";

  @Override
  public String factoryIdentifier() {
    return IDENTIFIER;
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return CommonOptions.REQUIRED;
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return CommonOptions.optional(UnionOptions.ALL);
  }

  @Override
  public DynamicTableSource createDynamicTableSource(Context context) {
    OptionValues.check(context.getCatalogTable().getOptions(), this);
    FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
    DecodingFormat<DeserializationSchema<RowData>> value =
        helper.discoverDecodingFormat(DeserializationFormatFactory.class, FactoryUtil.FORMAT);
    ReadableConfig options = helper.getOptions();
    boolean upsert = context.getPrimaryKeyIndexes().length > 0;
    KeyAndValue columns = KeyAndValue.of(context, options);
    Optional<DecodingFormat<DeserializationSchema<RowData>>> key =
        columns.hasKey() ? Optional.of(keyFormat(helper, upsert)) : Optional.empty();
    helper.validate();
    validate(options, upsert);
    requireInsertOnly(value);
    UnionSettings settings = UnionSettings.of(options, upsert);
    requireSourceWatermark(context, options);
    if (upsert) {
      RowtimeCheck.ofUpserts(context.getCatalogTable().getResolvedSchema());
    }
    Topology topology =
        TopologyCheck.streams(
            settings.topology(), settings.stream(), settings.deadLetters(), settings.lateRecords());
    if (topology != null) {
      TopologyCheck.primaries(topology, settings.stream(), settings.positions());
    }
    if (topology != null && (settings.upsert() || settings.dedup())) {
      TopologyCheck.horizon(topology, settings.stream(), settings.horizon());
    }
    return new UnionTableSource(
        settings,
        columns,
        key.map(format -> new Part(format, FormatNames.key(context))).orElse(null),
        new Part(value, FormatNames.value(context)));
  }

  /** The key's format; with a primary key it defaults to that of the value. */
  private static DecodingFormat<DeserializationSchema<RowData>> keyFormat(
      FactoryUtil.TableFactoryHelper helper, boolean upsert) {
    return helper
        .discoverOptionalDecodingFormat(
            DeserializationFormatFactory.class, CommonOptions.KEY_FORMAT)
        .orElseGet(
            () -> {
              if (!upsert) {
                throw new ValidationException("'key.fields' needs 'key.format'");
              }
              return helper.discoverDecodingFormat(
                  DeserializationFormatFactory.class, FactoryUtil.FORMAT);
            });
  }

  private static void validate(ReadableConfig options, boolean upsert) {
    Optional<Boolean> byVersion = options.getOptional(UnionOptions.LATEST_BY_VERSION);
    if (byVersion.isPresent() && byVersion.get() != upsert) {
      throw new ValidationException(
          upsert
              ? "a table with a PRIMARY KEY is read by version; leave out the PRIMARY KEY to read"
                  + " all records"
              : "'latest-by-version' needs a PRIMARY KEY (… NOT ENFORCED): the Kafka key");
    }
    if (upsert && !options.get(UnionOptions.DEDUP)) {
      throw new ValidationException(
          "'dedup' = 'false' has no effect on a table with a PRIMARY KEY: a copy has no higher"
              + " version. Leave out the option, or the PRIMARY KEY to read all records");
    }
  }

  /** Any other watermark is computed by Flink behind the decoding, where primaries do not show. */
  private static void requireSourceWatermark(Context context, ReadableConfig options) {
    boolean declared =
        context.getCatalogTable().getResolvedSchema().getWatermarkSpecs().stream()
            .anyMatch(RowtimeCheck::isOfSource);
    for (ConfigOption<?> option : List.of(UnionOptions.WATERMARK_MODE, UnionOptions.LATE_RECORDS)) {
      if (!declared && options.getOptional(option).isPresent()) {
        throw new ValidationException(
            "'%s' needs WATERMARK FOR … AS SOURCE_WATERMARK() in the table"
                .formatted(option.key()));
      }
    }
  }

  private static void requireInsertOnly(DecodingFormat<?> format) {
    if (!format.getChangelogMode().equals(ChangelogMode.insertOnly())) {
      throw new ValidationException(
          "a format of changes cannot be read from a stream: there is no order across primaries."
              + " Declare a PRIMARY KEY, and the highest version of each key counts");
    }
  }
}
