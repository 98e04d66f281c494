package dev.anabranch.table.deadletter;

import dev.anabranch.records.RawRecord;
import java.util.HexFormat;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.util.FlinkRuntimeException;

/** A bad record fails the job: the policy where no stream for dead letters is named. */
public final class FailJob implements BadRecordPolicy {
  private static final long serialVersionUID = 1L;

  @Override
  public Handler open(String stream, String job, MailboxExecutor mailbox) {
    return new Handler() {
      @Override
      public void handle(RawRecord record, Reason reason, String detail) {
        throw new BadRecordException(stream, record, reason, detail);
      }

      @Override
      public boolean isFull() {
        return false;
      }

      @Override
      public boolean isIdle() {
        return true;
      }

      @Override
      public void close() {}
    };
  }

  /** Says which record it was and what to do about it. */
  static final class BadRecordException extends FlinkRuntimeException {
    private static final long serialVersionUID = 1L;

    BadRecordException(String stream, RawRecord record, Reason reason, String detail) {
      super(
          """
          a record of stream '%s' is %s: %s
            where: primary %s, topic %s, partition %d, offset %d, id %s
            next: set 'dead-letters' = '<stream>' on the table to put such records aside, or give \
          the table columns and a format that fit"""
              .formatted(
                  stream,
                  reason.text(),
                  detail,
                  record.origin().primary(),
                  record.origin().topic(),
                  record.origin().partition(),
                  record.offset(),
                  HexFormat.of().formatHex(record.id().toBytes())));
    }
  }
}
