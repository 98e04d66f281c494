package dev.anabranch.prism;

import java.io.Serializable;
import org.jspecify.annotations.Nullable;

/**
 * Turns an element into what is written. Called once per element on the task thread, and by the
 * exchange in front of an upsert sink for its key.
 *
 * @param <T> type of the elements
 */
@FunctionalInterface
public interface RecordSerializer<T> extends Serializable {
  /**
   * The record to write, or null for an element that is to be left out. What it throws is a record
   * error: it goes to the {@link RecordErrorHandler} and is never retried.
   */
  @Nullable OutgoingRecord serialize(T element) throws Exception;

  /** The Kafka key alone. Worth overriding for upserts, where it is asked for once more. */
  default byte @Nullable [] key(T element) throws Exception {
    OutgoingRecord record = serialize(element);
    return record == null ? null : record.key();
  }

  /**
   * Called once before the first element, on the task thread; for upserts also in the exchange in
   * front of the sink, which has a copy of its own. Nothing closes what is opened here.
   */
  default void open() throws Exception {}
}
