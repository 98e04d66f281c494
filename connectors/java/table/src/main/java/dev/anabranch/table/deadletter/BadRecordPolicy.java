package dev.anabranch.table.deadletter;

import dev.anabranch.records.RawRecord;
import java.io.Serializable;
import org.apache.flink.api.common.operators.MailboxExecutor;

/** What becomes of records that cannot go on: the job fails, or they go to a stream. */
public interface BadRecordPolicy extends Serializable {
  /**
   * Starts handling for one task. Called from the task thread, before any record.
   *
   * @param stream the stream that records are read from
   * @param job name of the job
   * @param mailbox the operator's own
   */
  Handler open(String stream, String job, MailboxExecutor mailbox);

  /**
   * Handles the bad records of one task; every method is called from the task thread, and none
   * waits. The operator does, where mails may come between, by working off the mailbox while {@link
   * #isFull} or until {@link #isIdle}. A record that cannot be written fails the job by a mail.
   */
  interface Handler extends AutoCloseable {
    /**
     * Takes one record, whether or not there is room. Returns when it is on its way, not when it is
     * written.
     *
     * @param detail one line for a person
     */
    void handle(RawRecord record, Reason reason, String detail) throws Exception;

    /** Whether the next record should wait. */
    boolean isFull();

    /** Whether all records taken so far are written. */
    boolean isIdle();

    @Override
    void close();
  }
}
