package dev.anabranch.union;

import dev.anabranch.records.RawRecord;
import java.io.Serializable;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.util.Collector;

/**
 * Turns a record as it was read into elements of the stream. Called on the task thread, in the
 * order of each log; an element is part of the same checkpoint as the offset behind its record.
 *
 * @param <T> type of the elements
 */
public interface RecordDeserializer<T> extends Serializable, ResultTypeQueryable<T> {
  /** Called once before the first record of an attempt. */
  default void open(DeserializationSchema.InitializationContext context) throws Exception {}

  /**
   * Emits none, one or several elements for a record. Elements get the record's timestamp. What
   * this throws fails the job.
   */
  void deserialize(RawRecord record, Collector<T> out) throws Exception;

  /**
   * Whether ids or headers of records are looked at. Where they are not, they stay as Kafka has
   * them, undecoded, which saves a quarter of the reader's time: records come without headers and
   * all with the foreign id of their place.
   */
  default boolean readsHeaders() {
    return true;
  }

  /**
   * Told of records that were lost before they were read; may emit an element that says so. Called
   * on the task thread, once per range of a log (checkpointed, as records are).
   */
  default void onLoss(LossReport loss, Collector<T> out) throws Exception {}

  /** Hands records on as they were read. */
  static RecordDeserializer<RawRecord> raw() {
    return new RawDeserializer();
  }

  /** Decodes values by a Flink schema; records without a value are skipped. */
  static <T> RecordDeserializer<T> valueOnly(DeserializationSchema<T> schema) {
    return new ValueDeserializer<>(schema);
  }
}
