package dev.anabranch.union;

import java.util.Locale;

/**
 * What happens when records that were still to be read are no longer there: deleted by retention,
 * gone with a truncated log, a re-created topic or a wiped cluster. The loss is reported (log,
 * metric, {@link RecordDeserializer#onLoss}) under every policy; policies differ in what comes
 * after.
 *
 * <p>To add a policy: add a constant here and answer its three questions. Nothing else switches on
 * the constants; the SQL option takes each by its name.
 */
public enum OutOfRangePolicy {
  /**
   * Nothing more is read of the damaged log, nor of the log that took its place, until the job is
   * restored with another policy (or the old log shows up again). The offset stays in the state.
   */
  PARK(false, false, false),

  /** The job fails with a message that names the log and the range. */
  FAIL(true, false, false),

  /**
   * Reading goes on behind the gap: at the log's earliest offset, at the point where it was
   * truncated, or with the new log's first record.
   */
  RESET(false, true, true);

  private final boolean failsJob;
  private final boolean readsOn;
  private final boolean admitsSuccessor;

  OutOfRangePolicy(boolean failsJob, boolean readsOn, boolean admitsSuccessor) {
    this.failsJob = failsJob;
    this.readsOn = readsOn;
    this.admitsSuccessor = admitsSuccessor;
  }

  /** Whether a loss fails the job. Asked by the reader, on the task thread. */
  boolean failsJob() {
    return failsJob;
  }

  /** Whether the same log is read on behind the gap. Asked by the reader. */
  boolean readsOn() {
    return readsOn;
  }

  /**
   * Whether a log that took the place of another one (wiped cluster, re-created topic) is read,
   * from its earliest offset. Asked by the enumerator.
   */
  boolean admitsSuccessor() {
    return admitsSuccessor;
  }

  /** As it is written in SQL. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
