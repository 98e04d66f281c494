package dev.anabranch.table.deadletter;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.anabranch.prism.Ack;
import dev.anabranch.prism.Delivery;
import dev.anabranch.prism.OutgoingRecord;
import dev.anabranch.prism.RecordErrorHandler;
import dev.anabranch.prism.RecordException;
import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.Sha256;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.metrics.Counter;
import org.apache.flink.util.FlinkRuntimeException;
import org.jspecify.annotations.Nullable;

/**
 * Rows that no primary will ever take: they become dead letters, or fail the job with what to do. A
 * letter holds the record as it was to be written; of a row of which no record could be made, its
 * text in a header. Rows that were written with too few copies have letters, too, or a line in the
 * log.
 *
 * @param <T> type of the sink's elements
 */
public final class RefusedRows<T> implements RecordErrorHandler<T> {
  /** Holds the text of a row without bytes. */
  public static final String ROW_HEADER = "anabranch-row";

  private static final long serialVersionUID = 1L;

  /** Never written, so it lies nowhere. */
  private static final Origin NOWHERE = new Origin("", "", "", "", -1);

  private static final long NO_OFFSET = -1;

  private final Target target;
  private final byte[] incarnation = new byte[RecordId.INCARNATION_BYTES];
  private long drawn;
  private final @Nullable DeadLetterStream deadLetters;
  private final RowText<T> text;
  private transient BadRecordPolicy.@Nullable Handler letters;
  private transient @Nullable Counter counter;

  /**
   * What was written to.
   *
   * @param stream the stream
   * @param job stable name of the job
   * @param sink stable name of the output
   * @param ids where letters have their ids from
   * @param maxTextBytes how much of a row's text is kept
   */
  public record Target(String stream, String job, String sink, LetterIds ids, int maxTextBytes)
      implements java.io.Serializable {}

  /** Where the ids of letters come from. */
  public enum LetterIds {
    /** They are those of the records, which have the same ones after a restore. */
    OF_RECORDS,
    /** Of an upsert made of its content: equal ones are one. */
    OF_CONTENT,
    /** Drawn, as those of the records: each row counts, and after a restore perhaps twice. */
    DRAWN
  }

  /**
   * @param deadLetters where letters go; null fails the job
   * @param text makes rows readable
   */
  public RefusedRows(Target target, @Nullable DeadLetterStream deadLetters, RowText<T> text) {
    this.target = target;
    this.deadLetters = deadLetters;
    this.text = text;
  }

  @Override
  public void open(WriterInitContext context) {
    // Here, since each subtask has a copy of what was made before.
    new SecureRandom().nextBytes(incarnation);
    text.open(context.getUserCodeClassLoader().asClassLoader());
    if (deadLetters != null) {
      letters = deadLetters.open(target.stream(), target.job(), context.getMailboxExecutor());
      counter = context.metricGroup().counter("deadLetters");
    }
  }

  @Override
  public void handle(
      @Nullable T element,
      @Nullable OutgoingRecord record,
      @Nullable RecordId id,
      RecordException error)
      throws Exception {
    BadRecordPolicy.Handler open = letters;
    Reason reason = reasonOf(error);
    if (open == null || counter == null) {
      throw new RefusedRowException(target.stream(), reason, error);
    }
    counter.inc();
    open.handle(letterOf(element, record, id), reason, detailOf(error));
  }

  @Override
  public boolean degraded(OutgoingRecord record, Delivery delivery) throws Exception {
    BadRecordPolicy.Handler open = letters;
    if (open == null) {
      return false;
    }
    open.handle(letterOf(record, delivery), Reason.DEGRADED, delivery.describeCopies());
    return true;
  }

  @Override
  public boolean isFull() {
    return letters != null && letters.isFull();
  }

  @Override
  public boolean isIdle() {
    return letters == null || letters.isIdle();
  }

  @Override
  public void close() {
    if (letters != null) {
      letters.close();
    }
  }

  private RawRecord letterOf(
      @Nullable T element, @Nullable OutgoingRecord record, @Nullable RecordId id) {
    long now = System.currentTimeMillis();
    if (record == null) {
      byte[] row = element == null ? new byte[0] : text.of(element).getBytes(UTF_8);
      RawHeader[] headers = {
        new RawHeader(ROW_HEADER, Arrays.copyOf(row, Math.min(row.length, target.maxTextBytes())))
      };
      return new RawRecord(NOWHERE, NO_OFFSET, now, null, null, idOf(row), false, headers);
    }
    boolean known = id != null && target.ids() == LetterIds.OF_RECORDS;
    return new RawRecord(
        NOWHERE,
        NO_OFFSET,
        record.timestampMs() == null ? now : record.timestampMs(),
        record.key(),
        record.value(),
        known ? id : idOf(record.key(), record.value()),
        false,
        record.headers());
  }

  /** Under its own id, by which a replay is known to be the same record. */
  private static RawRecord letterOf(OutgoingRecord record, Delivery delivery) {
    Ack first = delivery.acks().get(0);
    return new RawRecord(
        new Origin(first.primary(), "", "", "", first.partition()),
        first.offset(),
        Objects.requireNonNull(record.timestampMs()),
        record.key(),
        record.value(),
        delivery.id(),
        false,
        record.headers());
  }

  /** An id by content: a restored job that meets the row again writes the same letter. */
  private RecordId idOf(byte @Nullable []... content) {
    if (target.ids() == LetterIds.DRAWN) {
      return RecordId.of(incarnation, drawn++);
    }
    MessageDigest digest = Sha256.digest();
    for (byte[] part : content) {
      digest.update(part == null ? new byte[] {-1} : part);
      digest.update((byte) 0);
    }
    String scope =
        "refused/%s/%s/%s/%s"
            .formatted(
                target.stream(),
                target.job(),
                target.sink(),
                HexFormat.of().formatHex(digest.digest()));
    return RecordId.supplied(scope, 0);
  }

  /** The two innermost causes: formats wrap what is wrong into what they were doing. */
  private static String detailOf(RecordException error) {
    Throwable around = error;
    Throwable root = error;
    while (root.getCause() != null) {
      around = root;
      root = root.getCause();
    }
    String inner = String.valueOf(root.getMessage());
    return around == error ? error.getMessage() : around.getMessage() + " " + inner;
  }

  private static Reason reasonOf(RecordException error) {
    return switch (error.reason()) {
      case NOT_SERIALIZABLE -> Reason.NOT_SERIALIZABLE;
      case TOO_LARGE -> Reason.TOO_LARGE;
      case REFUSED -> Reason.REFUSED;
      case INCOMPLETE -> Reason.INCOMPLETE;
    };
  }

  /** Says what is wrong with the row and what to do about it. */
  static final class RefusedRowException extends FlinkRuntimeException {
    private static final long serialVersionUID = 1L;

    RefusedRowException(String stream, Reason reason, RecordException error) {
      super(
          """
          a row for stream '%s' is %s: %s
            next: set 'dead-letters' = '<stream>' on the table to put such rows aside, or change \
          the query so that it makes none"""
              .formatted(stream, reason.text(), error.getMessage()),
          error);
    }
  }
}
