package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import java.io.Serializable;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.jspecify.annotations.Nullable;

/**
 * Decides what becomes of a record that no primary will ever take. All methods are called on the
 * task thread.
 *
 * @param <T> type of the sink's elements
 */
@FunctionalInterface
public interface RecordErrorHandler<T> extends Serializable {
  /**
   * Takes over the record, for example into dead letters, or throws to fail the job.
   *
   * @param element the element where it was refused before it was sent, else null
   * @param record what was to be written, or null where the serializer failed
   * @param id the record's id, or null where it was refused before it got one
   */
  void handle(
      @Nullable T element,
      @Nullable OutgoingRecord record,
      @Nullable RecordId id,
      RecordException error)
      throws Exception;

  /** Called once, before anything else. */
  default void open(WriterInitContext context) throws Exception {}

  /** Returns once everything taken over is safe; called before each checkpoint. */
  default void flush() throws Exception {}

  /** Called once, after everything else. */
  default void close() throws Exception {}

  /** Fails the job with the record's error: nothing is ever dropped silently. */
  static <T> RecordErrorHandler<T> fail() {
    return (element, record, id, error) -> {
      throw error;
    };
  }
}
