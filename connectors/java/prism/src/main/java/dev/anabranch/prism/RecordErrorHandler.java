package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import java.io.Serializable;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.jspecify.annotations.Nullable;

/**
 * Decides what becomes of a record that no primary will ever take, and is told of each that was
 * written with fewer copies than wanted. All methods are called on the task thread.
 *
 * @param <T> type of the sink's elements
 */
@FunctionalInterface
public interface RecordErrorHandler<T> extends Serializable {
  /**
   * Takes over the record, for example into dead letters, or throws to fail the job. Must not wait
   * for anything, nor work off the mailbox: it may be called in the midst of what the writer does.
   *
   * @param element the element where it was refused before it was sent, else null
   * @param record what was to be written, or null where the serializer failed; an upsert that has
   *     been sent is as it would lie in the logs, with all its headers, the version among them
   * @param id the record's id, or null where it was refused before it got one
   */
  void handle(
      @Nullable T element,
      @Nullable OutgoingRecord record,
      @Nullable RecordId id,
      RecordException error)
      throws Exception;

  /**
   * Lists a record that was written, but with fewer copies than wanted (see {@link
   * PrismOptions#degradeAfter}). As {@link #handle}, it must not wait.
   *
   * @param record as it lies in the logs, with all its headers
   * @param delivery which primaries have it, and how many were wanted
   * @return whether it is listed; otherwise, as by default, the writer writes a line to the log
   */
  default boolean degraded(OutgoingRecord record, Delivery delivery) throws Exception {
    return false;
  }

  /** Called once, before anything else. */
  default void open(WriterInitContext context) throws Exception {}

  /**
   * Whether the writer should take nothing more for now. It asks before each element, and again
   * after each mail while the answer is yes, which is at least every 100 ms.
   */
  default boolean isFull() {
    return false;
  }

  /**
   * Whether everything taken over is safe. A checkpoint waits for it, working off the mailbox; what
   * goes wrong meanwhile is to be thrown from a mail.
   */
  default boolean isIdle() {
    return true;
  }

  /**
   * Called before each checkpoint, once the writer and this are idle; on return everything taken
   * over must be safe. What may take long belongs behind {@link #isIdle}: nothing else of the task
   * goes on in here.
   */
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
