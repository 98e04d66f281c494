package dev.anabranch.table;

import dev.anabranch.prism.RecordIdMode;
import dev.anabranch.table.encode.WritableMetadata;
import dev.anabranch.topology.Topology;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.EncodingFormat;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.SerializationFormatFactory;

/** Makes {@code 'connector' = 'prism'} known to SQL. */
public final class PrismTableFactory implements DynamicTableSinkFactory {
  /** What {@code 'connector'} is set to. */
  public static final String IDENTIFIER = "prism";

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
    return CommonOptions.optional(PrismOptionKeys.ALL);
  }

  @Override
  public DynamicTableSink createDynamicTableSink(Context context) {
    OptionValues.check(context.getCatalogTable().getOptions(), this);
    FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
    EncodingFormat<SerializationSchema<RowData>> value =
        helper.discoverEncodingFormat(SerializationFormatFactory.class, FactoryUtil.FORMAT);
    ReadableConfig options = helper.getOptions();
    boolean upsert = context.getPrimaryKeyIndexes().length > 0;
    KeyAndValue columns = KeyAndValue.of(context, options);
    EncodingFormat<SerializationSchema<RowData>> key =
        columns.hasKey() ? keyFormat(helper, upsert) : null;
    helper.validateExcept(PrismOptionKeys.PROPERTIES_PREFIX);
    if (!value.getChangelogMode().equals(ChangelogMode.insertOnly())) {
      throw new ValidationException(
          "a format of changes cannot be written to a stream: declare a PRIMARY KEY instead");
    }
    PrismSettings settings =
        PrismSettings.of(
            context.getCatalogTable().getOptions(),
            upsert,
            context.getConfiguration().getOptional(PipelineOptions.NAME).orElse(""),
            context.getObjectIdentifier().getObjectName());
    if (!upsert) {
      requireIds(context, settings);
    }
    requireIdsOfColumns(options, upsert);
    if (upsert) {
      refuseWhatUpsertsPassOver(context);
    }
    Topology topology =
        TopologyCheck.streams(settings.topology(), settings.stream(), settings.deadLetters());
    if (topology != null) {
      TopologyCheck.home(topology, settings.stream(), settings.options().home());
      TopologyCheck.copies(topology, settings.stream(), settings.options());
    }
    return new PrismTableSink(settings, columns, key, value);
  }

  private static EncodingFormat<SerializationSchema<RowData>> keyFormat(
      FactoryUtil.TableFactoryHelper helper, boolean upsert) {
    Optional<EncodingFormat<SerializationSchema<RowData>>> named =
        helper.discoverOptionalEncodingFormat(
            SerializationFormatFactory.class, CommonOptions.KEY_FORMAT);
    if (named.isEmpty() && !upsert) {
      throw new ValidationException("'key.fields' needs 'key.format'");
    }
    return named.orElseGet(
        () -> helper.discoverEncodingFormat(SerializationFormatFactory.class, FactoryUtil.FORMAT));
  }

  /** Appends need ids that are the same after a restore, or the word that they need not be. */
  private static void requireIds(Context context, PrismSettings settings) {
    String table = context.getObjectIdentifier().asSummaryString();
    if (settings.recordId() == RecordIdMode.DERIVED && !writesRecordId(context)) {
      throw new ValidationException(
          """
          %s appends records, and nothing says where their ids come from. Choose one:
            a metadata column, filled with the input's id:
              input_id BYTES METADATA FROM 'record-id'
            columns that identify a row, for example after an aggregation:
              'record-id' = 'columns', 'record-id.fields' = '<column>;<column>'
            no ids, so that a restore may write a record twice:
              'record-id' = 'none'"""
              .formatted(table));
    }
    if (settings.recordId() == RecordIdMode.DERIVED && settings.jobUid().isEmpty()) {
      throw new ValidationException(
          table
              + " derives ids from a name of the job that outlives restarts:"
              + " set 'job-uid', or 'pipeline.name' for the whole job");
    }
    if (settings.recordId() == RecordIdMode.COLUMNS && settings.recordIdFields().isEmpty()) {
      throw new ValidationException(
          table + ": 'record-id' = 'columns' needs 'record-id.fields' = '<column>;<column>'");
    }
  }

  /** Columns for ids that are made otherwise would be passed over in silence. */
  private static void requireIdsOfColumns(ReadableConfig options, boolean upsert) {
    RecordIdMode mode = options.get(PrismOptionKeys.RECORD_ID);
    if (mode == RecordIdMode.COLUMNS && !upsert) {
      return;
    }
    for (ConfigOption<?> columns :
        List.of(PrismOptionKeys.RECORD_ID_FIELDS, PrismOptionKeys.RECORD_ID_SEQUENCE_FIELD)) {
      if (options.getOptional(columns).isPresent()) {
        throw new ValidationException(
            upsert
                ? "'%s' has no effect on a table with a PRIMARY KEY: upserts need no ids"
                    .formatted(columns.key())
                : "'%s' needs '%s' = 'columns', not '%s'"
                    .formatted(columns.key(), PrismOptionKeys.RECORD_ID.key(), mode));
      }
    }
  }

  /** As the options are: what is written in vain would be missed where it is looked for. */
  private static void refuseWhatUpsertsPassOver(Context context) {
    Set<String> written = writtenMetadata(context);
    for (WritableMetadata column : WritableMetadata.values()) {
      if (!column.isOfUpserts() && written.contains(column.key())) {
        throw new ValidationException(
            "METADATA FROM '%s' has no effect on a table with a PRIMARY KEY: the primary key is the"
                    .formatted(column.key())
                + " Kafka key, and upserts need no ids. Leave the column out, or declare it VIRTUAL"
                + " where the table is read, too");
      }
    }
  }

  private static boolean writesRecordId(Context context) {
    return writtenMetadata(context).contains(WritableMetadata.RECORD_ID.key());
  }

  /** Keys of the metadata columns that an INSERT fills. */
  private static Set<String> writtenMetadata(Context context) {
    return context.getCatalogTable().getResolvedSchema().getColumns().stream()
        .filter(Column.MetadataColumn.class::isInstance)
        .map(Column.MetadataColumn.class::cast)
        .filter(Column::isPersisted)
        .map(column -> column.getMetadataKey().orElse(column.getName()))
        .collect(Collectors.toSet());
  }
}
