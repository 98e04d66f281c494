package dev.anabranch.table.decode;

import dev.anabranch.records.RawRecord;
import dev.anabranch.table.deadletter.BadRecordPolicy;
import dev.anabranch.table.deadletter.Reason;
import dev.anabranch.union.KeptWatermark;
import java.util.List;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.serialization.RuntimeContextInitializationContextAdapters;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.TimestampedCollector;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.table.data.RowData;
import org.jspecify.annotations.Nullable;

/**
 * Makes rows of raw records and hands over those that it cannot. Dead letters are written from here
 * and not by a sink of their own: a side branch is not part of the plan that SQL translates, and
 * one more input would break the chain of operators that rows run through without being copied. A
 * checkpoint completes only when all dead letters before it are written. The task waits for them by
 * working off its mailbox: those of its mails that come from here or from operators further on.
 */
public final class DecodeOperator extends AbstractStreamOperator<RowData>
    implements OneInputStreamOperator<RawRecord, RowData> {
  /**
   * Name of the counter of records that were set aside, and start of that of an accumulator: a
   * metric is told seconds late, too late for a job that ends, and an accumulator is part of its
   * result.
   */
  public static final String DEAD_LETTERS = "deadLetters";

  /** Name of the counter of records that came behind the watermark. */
  public static final String LATE_RECORDS = "lateRecords";

  private static final long serialVersionUID = 1L;

  private final String stream;
  private final RowDecoder decoder;
  private final BadRecordPolicy policy;
  private final @Nullable BadRecordPolicy latePolicy;
  private transient @Nullable MailboxExecutor mailbox;
  private transient BadRecordPolicy.@Nullable Handler bad;
  private transient BadRecordPolicy.@Nullable Handler late;
  private transient @Nullable TimestampedCollector<RowData> out;
  private transient @Nullable Counter lateRecords;
  private transient @Nullable KeptWatermark watermark;
  private transient @Nullable Counter deadLetters;
  private transient @Nullable LongCounter total;

  /**
   * @param stream the stream that records are read from
   * @param latePolicy what becomes of records behind the watermark; null hands their rows on. It
   *     takes an exchange before this operator: one that is chained to the source may be behind the
   *     watermark by which windows go
   */
  public DecodeOperator(
      String stream,
      RowDecoder decoder,
      BadRecordPolicy policy,
      @Nullable BadRecordPolicy latePolicy) {
    this.stream = stream;
    this.decoder = decoder;
    this.policy = policy;
    this.latePolicy = latePolicy;
  }

  /** Flink gives it to every operator, before {@link #open}. */
  @Override
  public void setMailboxExecutor(MailboxExecutor mailbox) {
    super.setMailboxExecutor(mailbox);
    this.mailbox = mailbox;
  }

  @Override
  public void open() throws Exception {
    super.open();
    decoder.open(
        RuntimeContextInitializationContextAdapters.deserializationAdapter(getRuntimeContext()));
    String job = getRuntimeContext().getJobInfo().getJobName();
    bad = policy.open(stream, job, opened(mailbox));
    late = latePolicy == null ? null : latePolicy.open(stream, job, opened(mailbox));
    lateRecords = getMetricGroup().counter(LATE_RECORDS);
    out = new TimestampedCollector<>(output);
    deadLetters = getMetricGroup().counter(DEAD_LETTERS);
    total = new LongCounter();
    // Two operators of one task must not share a name.
    getRuntimeContext().addAccumulator(DEAD_LETTERS + "." + getOperatorID(), total);
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    if (latePolicy == null) {
      KeptWatermark.forget(context);
    } else {
      watermark = KeptWatermark.restore(context);
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    if (watermark != null) {
      watermark.snapshot();
    }
  }

  @Override
  public void processElement(StreamRecord<RawRecord> element) throws Exception {
    RawRecord record = element.getValue();
    KeptWatermark passed = watermark;
    if (passed != null && isLate(element, passed)) {
      opened(lateRecords).inc();
      setAside(
          opened(late),
          record,
          Reason.LATE,
          "created at %d, when the watermark was at %d: windows may have been counted without it"
              .formatted(element.getTimestamp(), passed.timestampMs()));
      return;
    }
    List<RowData> rows;
    try {
      rows = decoder.decode(record);
    } catch (UndecodableException e) {
      setAside(opened(bad), record, e.reason(), e.detail());
      // Not before: a record that fails the job is not set aside.
      opened(deadLetters).inc();
      opened(total).add(1);
      return;
    }
    TimestampedCollector<RowData> collector = opened(out);
    collector.setTimestamp(element);
    for (int i = 0; i < rows.size(); i++) {
      collector.collect(rows.get(i));
    }
  }

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    if (watermark != null) {
      watermark.follow(mark);
    }
    super.processWatermark(mark);
  }

  /**
   * Where late records are told, those behind are never told that nobody is waited for: they would
   * not wait either for the subtask that has not heard yet that the stream goes on, and drop as
   * late what that one takes for in time.
   */
  @Override
  public void processWatermarkStatus(WatermarkStatus status) throws Exception {
    if (latePolicy == null || status.isActive()) {
      super.processWatermarkStatus(status);
    }
  }

  /** What stands for lost records has no time, and what dedup calls late is a dead letter. */
  private static boolean isLate(StreamRecord<RawRecord> element, KeptWatermark watermark) {
    return watermark.hasPassed(element) && !Marks.isMarked(element.getValue());
  }

  @Override
  public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
    super.prepareSnapshotPreBarrier(checkpointId);
    awaitWritten();
  }

  @Override
  public void finish() throws Exception {
    awaitWritten();
    super.finish();
  }

  @Override
  public void close() throws Exception {
    if (bad != null) {
      bad.close();
    }
    if (late != null) {
      late.close();
    }
    super.close();
  }

  private void setAside(
      BadRecordPolicy.Handler handler, RawRecord record, Reason reason, String detail)
      throws Exception {
    // Here and not before each record: good ones need not wait for bad ones.
    while (handler.isFull()) {
      opened(mailbox).yield();
    }
    handler.handle(record, reason, detail);
  }

  private void awaitWritten() throws InterruptedException {
    while (!opened(bad).isIdle() || (late != null && !late.isIdle())) {
      opened(mailbox).yield();
    }
  }

  private static <T> T opened(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("the operator is not open");
    }
    return part;
  }
}
