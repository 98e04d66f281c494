package dev.anabranch.table;

import dev.anabranch.prism.PrismOptions;
import dev.anabranch.prism.PrismOptionsBuilder;
import dev.anabranch.prism.RecordIdMode;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.jspecify.annotations.Nullable;

/**
 * The options of a prism table, typed.
 *
 * @param upsert whether the table has a primary key
 * @param recordId where ids come from; upserts need none, their versions settle it
 * @param jobUid empty where none is set
 * @param parallelism null where it is the job's
 */
record PrismSettings(
    String topology,
    String stream,
    boolean upsert,
    RecordIdMode recordId,
    List<String> recordIdFields,
    @Nullable String recordIdSequenceField,
    String jobUid,
    String sinkUid,
    int epoch,
    PrismOptions options,
    @Nullable Integer parallelism) {

  static PrismSettings of(DynamicTableFactory.Context context, ReadableConfig options) {
    boolean upsert = context.getPrimaryKeyIndexes().length > 0;
    return new PrismSettings(
        options.get(CommonOptions.TOPOLOGY),
        options.get(CommonOptions.STREAM),
        upsert,
        upsert ? RecordIdMode.NONE : options.get(PrismOptionKeys.RECORD_ID),
        options.get(PrismOptionKeys.RECORD_ID_FIELDS),
        options.getOptional(PrismOptionKeys.RECORD_ID_SEQUENCE_FIELD).orElse(null),
        jobUid(context, options),
        options
            .getOptional(PrismOptionKeys.SINK_UID)
            .orElseGet(() -> context.getObjectIdentifier().getObjectName()),
        options.get(PrismOptionKeys.EPOCH),
        prismOptions(context, options),
        options.getOptional(PrismOptionKeys.PARALLELISM).orElse(null));
  }

  /** The option, else the name that the job was given. */
  private static String jobUid(DynamicTableFactory.Context context, ReadableConfig options) {
    return options
        .getOptional(PrismOptionKeys.JOB_UID)
        .or(() -> context.getConfiguration().getOptional(PipelineOptions.NAME))
        .orElse("");
  }

  private static PrismOptions prismOptions(
      DynamicTableFactory.Context context, ReadableConfig options) {
    PrismOptionsBuilder builder =
        PrismOptions.builder()
            .home(options.get(PrismOptionKeys.HOME))
            .hedgeAfter(options.get(PrismOptionKeys.HEDGE_AFTER))
            .maxBlock(options.get(PrismOptionKeys.MAX_BLOCK))
            .maxStale(options.get(PrismOptionKeys.MAX_STALE))
            .maxInFlight(
                options.get(PrismOptionKeys.MAX_IN_FLIGHT_RECORDS),
                options.get(PrismOptionKeys.MAX_IN_FLIGHT_BYTES).getBytes())
            .topologyInterval(options.get(CommonOptions.TOPOLOGY_INTERVAL));
    for (Map.Entry<String, String> entry : context.getCatalogTable().getOptions().entrySet()) {
      if (entry.getKey().startsWith(PrismOptionKeys.PROPERTIES_PREFIX)) {
        String name = entry.getKey().substring(PrismOptionKeys.PROPERTIES_PREFIX.length());
        builder.kafka(name, entry.getValue());
      }
    }
    return builder.build();
  }
}
