package dev.anabranch.table.deadletter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.prism.MailboxPrism;
import dev.anabranch.prism.OutgoingRecord;
import dev.anabranch.prism.PrismOptions;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import java.util.HexFormat;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.jspecify.annotations.Nullable;

/**
 * Bad records go to a stream, through Prism, so that a primary that is down stops none of them.
 * Producers are opened with the first bad record, since most tasks never see one; but at once where
 * letters may do with fewer copies, so that they do so from when rows do.
 */
public final class DeadLetterStream implements BadRecordPolicy {
  /** Names the schema of a record's value. */
  public static final RawHeader SCHEMA_HEADER =
      new RawHeader("anabranch-schema", "dead-letter/1".getBytes(UTF_8));

  private static final long serialVersionUID = 1L;

  private final String topology;
  private final String deadLetters;
  private final int maxValueBytes;
  private final PrismOptions options;

  /**
   * @param topology location of the topology document
   * @param deadLetters the stream to write to
   * @param maxValueBytes how much of a value is kept
   */
  public DeadLetterStream(
      String topology, String deadLetters, int maxValueBytes, PrismOptions options) {
    this.topology = topology;
    this.deadLetters = deadLetters;
    this.maxValueBytes = maxValueBytes;
    this.options = options;
  }

  @Override
  public Handler open(String stream, String job, MailboxExecutor mailbox) {
    Writer writer = new Writer(new DeadLetterEncoder(stream, job, maxValueBytes), mailbox);
    if (options.degradeAfter() != null) {
      // The time for which too few primaries work is counted from here on, too.
      writer.opened();
    }
    return writer;
  }

  /**
   * The id of a record's dead letter: the same when a restored job meets the record again. Whoever
   * reads a record that lacks copies may set it aside too, for a reason of its own.
   */
  static RecordId letterId(RecordId record, Reason reason) {
    String kind = reason == Reason.DEGRADED ? "degraded/" : "dead-letter/";
    return RecordId.supplied(kind + HexFormat.of().formatHex(record.toBytes()), 0);
  }

  private final class Writer implements Handler {
    private final DeadLetterEncoder encoder;
    private final MailboxExecutor mailbox;
    private @Nullable MailboxPrism prism;

    Writer(DeadLetterEncoder encoder, MailboxExecutor mailbox) {
      this.encoder = encoder;
      this.mailbox = mailbox;
    }

    @Override
    public void handle(RawRecord record, Reason reason, String detail) {
      long now = System.currentTimeMillis();
      OutgoingRecord letter =
          new OutgoingRecord(
              null,
              encoder.encode(record, reason, detail, now),
              now,
              new RawHeader[] {SCHEMA_HEADER},
              null,
              0,
              false);
      opened().send(letter, letterId(record.id(), reason), null, null);
    }

    @Override
    public boolean isFull() {
      return prism != null && prism.isFull();
    }

    @Override
    public boolean isIdle() {
      return prism == null || prism.isIdle();
    }

    @Override
    public void close() {
      if (prism != null) {
        prism.close();
      }
    }

    private MailboxPrism opened() {
      MailboxPrism open = prism;
      if (open == null) {
        open = MailboxPrism.open(mailbox, topology, deadLetters, options);
        prism = open;
      }
      return open;
    }
  }
}
