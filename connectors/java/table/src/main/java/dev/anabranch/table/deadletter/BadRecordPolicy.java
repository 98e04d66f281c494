package dev.anabranch.table.deadletter;

import dev.anabranch.records.RawRecord;
import java.io.Serializable;

/** What becomes of records that cannot go on: the job fails, or they go to a stream. */
public interface BadRecordPolicy extends Serializable {
  /**
   * Starts handling for one task. Called from the task thread, before any record.
   *
   * @param stream the stream that records are read from
   * @param job name of the job
   */
  Handler open(String stream, String job);

  /** Handles the bad records of one task; every method is called from the task thread. */
  interface Handler extends AutoCloseable {
    /**
     * Takes one record. Returns when it is on its way, not when it is written.
     *
     * @param detail one line for a person
     */
    void handle(RawRecord record, Reason reason, String detail) throws Exception;

    /** Returns when all records taken so far are written; throws where one cannot be. */
    void flush() throws Exception;

    @Override
    void close();
  }
}
