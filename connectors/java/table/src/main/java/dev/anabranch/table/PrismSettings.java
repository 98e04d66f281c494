package dev.anabranch.table;

import dev.anabranch.prism.PrismOptions;
import dev.anabranch.prism.PrismOptionsBuilder;
import dev.anabranch.prism.PrismSink;
import dev.anabranch.prism.RecordIdMode;
import dev.anabranch.prism.RecordSerializer;
import dev.anabranch.table.deadletter.DeadLetterStream;
import dev.anabranch.table.deadletter.RefusedRows;
import dev.anabranch.table.deadletter.RowText;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.jspecify.annotations.Nullable;

/**
 * The options of a prism table, typed.
 *
 * @param upsert whether the table has a primary key
 * @param recordId where ids come from; upserts need none, their versions settle it
 * @param jobUid empty where none is set
 * @param sinkUid empty where none is set
 * @param parallelism null where it is the job's
 * @param deadLetters stream for rows that no primary takes or too few have, or null
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
    @Nullable Integer parallelism,
    @Nullable String deadLetters,
    int deadLettersMaxValueBytes) {
  /** A limit must not refuse the letter of what it refused, nor a partitioner meet no key. */
  private static final Set<String> OF_ROWS =
      Set.of(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, ProducerConfig.PARTITIONER_CLASS_CONFIG);

  /**
   * Reads them off a table.
   *
   * @param raw all options, those for the Kafka producers among them
   * @param upsert whether the table has a primary key
   * @param jobName stands in for {@code job-uid}; may be empty
   * @param tableName stands in for {@code sink-uid}; may be empty
   */
  static PrismSettings of(
      Map<String, String> raw, boolean upsert, String jobName, String tableName) {
    ReadableConfig options = Configuration.fromMap(raw);
    return new PrismSettings(
        options.get(CommonOptions.TOPOLOGY),
        options.get(CommonOptions.STREAM),
        upsert,
        upsert ? RecordIdMode.NONE : options.get(PrismOptionKeys.RECORD_ID),
        options.get(PrismOptionKeys.RECORD_ID_FIELDS),
        options.getOptional(PrismOptionKeys.RECORD_ID_SEQUENCE_FIELD).orElse(null),
        options.getOptional(PrismOptionKeys.JOB_UID).orElse(jobName),
        options.getOptional(PrismOptionKeys.SINK_UID).orElse(tableName),
        options.get(PrismOptionKeys.EPOCH),
        prismOptions(raw, options),
        options.getOptional(PrismOptionKeys.PARALLELISM).orElse(null),
        CommonOptions.deadLetters(options),
        (int) options.get(CommonOptions.DEAD_LETTERS_MAX_VALUE_BYTES).getBytes());
  }

  /**
   * A sink of these settings.
   *
   * @param text makes elements readable where one cannot be written
   */
  <T> PrismSink<T> sink(RecordSerializer<T> serializer, RowText<T> text) {
    return PrismSink.<T>builder().topology(topology).stream(stream)
        .serializer(serializer)
        .onRecordError(refused(text))
        .recordId(recordId)
        .upsert(upsert)
        .jobUid(jobUid)
        .sinkUid(sinkUid)
        .epoch(epoch)
        .options(options)
        .build();
  }

  private <T> RefusedRows<T> refused(RowText<T> text) {
    DeadLetterStream letters =
        deadLetters == null
            ? null
            : new DeadLetterStream(
                topology, deadLetters, deadLettersMaxValueBytes, letterOptions());
    RefusedRows.LetterIds ids =
        recordId != RecordIdMode.NONE
            ? RefusedRows.LetterIds.OF_RECORDS
            : upsert ? RefusedRows.LetterIds.OF_CONTENT : RefusedRows.LetterIds.DRAWN;
    return new RefusedRows<>(
        new RefusedRows.Target(stream, jobUid, sinkUid, ids, deadLettersMaxValueBytes),
        letters,
        text);
  }

  /**
   * How dead letters are written: as rows are, but to all primaries alike, since their stream may
   * lie in a group that has others.
   */
  PrismOptions letterOptions() {
    PrismOptionsBuilder letters =
        PrismOptions.builder()
            .hedgeAfter(options.hedgeAfter())
            .maxBlock(options.maxBlock())
            .degradeAfter(options.degradeAfter())
            .maxInFlight(options.maxInFlightRecords(), options.maxInFlightBytes())
            .maxStale(options.maxStale())
            .topologyInterval(options.topologyInterval());
    options
        .kafka()
        .forEach(
            (name, value) -> {
              if (!OF_ROWS.contains(name)) {
                letters.kafka(name, value);
              }
            });
    return letters.build();
  }

  private static PrismOptions prismOptions(Map<String, String> raw, ReadableConfig options) {
    PrismOptionsBuilder builder =
        PrismOptions.builder()
            .home(options.get(PrismOptionKeys.HOME))
            .hedgeAfter(options.get(PrismOptionKeys.HEDGE_AFTER))
            .maxBlock(options.get(PrismOptionKeys.MAX_BLOCK))
            .degradeAfter(options.getOptional(PrismOptionKeys.DEGRADE_AFTER).orElse(null))
            .maxStale(options.get(PrismOptionKeys.MAX_STALE))
            .maxInFlight(
                options.get(PrismOptionKeys.MAX_IN_FLIGHT_RECORDS),
                options.get(PrismOptionKeys.MAX_IN_FLIGHT_BYTES).getBytes())
            .topologyInterval(options.get(CommonOptions.TOPOLOGY_INTERVAL));
    options
        .get(PrismOptionKeys.WEIGHTS)
        .forEach((primary, share) -> builder.weight(primary.strip(), weight(primary, share)));
    Map<String, String> kafka = new HashMap<>();
    raw.forEach(
        (name, value) -> {
          if (name.startsWith(PrismOptionKeys.PROPERTIES_PREFIX)) {
            kafka.put(name.substring(PrismOptionKeys.PROPERTIES_PREFIX.length()), value);
          }
        });
    ProducerProperties.check(kafka);
    kafka.forEach(builder::kafka);
    return builder.build();
  }

  private static int weight(String primary, String share) {
    try {
      int weight = Integer.parseInt(share.strip());
      if (weight > 0) {
        return weight;
      }
    } catch (NumberFormatException e) {
      // The same is said of it below.
    }
    throw new ValidationException(
        ("'%s': the weight of primary '%s' is a whole number from 1 on, not '%s'; a primary that is"
                + " to take no writes is 'draining' in the topology")
            .formatted(PrismOptionKeys.WEIGHTS.key(), primary.strip(), share.strip()));
  }
}
