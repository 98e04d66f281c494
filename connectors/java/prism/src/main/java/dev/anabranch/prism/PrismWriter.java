package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import java.io.IOException;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes elements through a {@link MailboxPrism}. The task waits only by working off its mailbox,
 * into which acknowledgements and ticks come, those of the error handler too: so both wait at once.
 */
final class PrismWriter<T> implements StatefulSinkWriter<T, VersionFloor> {
  private static final Logger LOG = LoggerFactory.getLogger(PrismWriter.class);

  private final String name;
  private final RecordSerializer<T> serializer;
  private final RecordErrorHandler<T> errorHandler;
  private final RecordStamp stamp;
  private final MailboxExecutor mailbox;
  private final WriterMetrics metrics;
  private final MailboxPrism prism;
  private final @Nullable RecentIds recentIds;

  PrismWriter(PrismSink<T> sink, WriterInitContext context, Collection<VersionFloor> restored)
      throws IOException {
    this.name = sink.name();
    this.serializer = sink.serializer();
    this.errorHandler = sink.errorHandler();
    this.stamp = sink.newStamp(context, restored);
    this.mailbox = context.getMailboxExecutor();
    this.metrics = new WriterMetrics(context.metricGroup());
    try {
      serializer.open();
      errorHandler.open(context);
    } catch (Exception e) {
      throw asIo(e);
    }
    this.prism = opened(sink);
    metrics.inFlight(prism.engine()::inFlight);
    // Last, since nothing above may fail with it open.
    this.recentIds =
        sink.hasIdsOfInputs()
            ? RecentIds.join(context.getJobInfo().getJobId(), sink.stream())
            : null;
  }

  private MailboxPrism opened(PrismSink<T> sink) {
    try {
      return new MailboxPrism(mailbox, wakeUp -> engine(sink, wakeUp));
    } catch (RuntimeException e) {
      // Flink closes no writer that it never got.
      try {
        errorHandler.close();
      } catch (Exception again) {
        e.addSuppressed(again);
      }
      throw e;
    }
  }

  private PrismEngine engine(PrismSink<T> sink, Runnable wakeUp) {
    PrismEngine.Hooks hooks = new PrismEngine.Hooks(wakeUp, new Outcomes(), metrics::primary);
    return PrismEngine.open(sink.topology(), sink.stream(), sink.options(), hooks);
  }

  @Override
  public void write(T element, Context context) throws IOException, InterruptedException {
    while (prism.isFull() || errorHandler.isFull()) {
      mailbox.yield();
    }
    OutgoingRecord record;
    try {
      record = serializer.serialize(element);
    } catch (Exception e) {
      RecordException.Reason reason = RecordException.Reason.NOT_SERIALIZABLE;
      refused(element, null, null, new RecordException(reason, Lane.describe(e), e));
      return;
    }
    if (record == null) {
      return;
    }
    try {
      RecordId id = stamp.send(prism.engine(), record, context.timestamp());
      metrics.sent(record);
      if (recentIds != null && recentIds.isRepeat(id)) {
        repeated(recentIds, id);
      }
    } catch (RecordException e) {
      refused(element, record, null, e);
    }
  }

  /**
   * No error: an input that is read without de-duplication, and was written twice, makes the same
   * row again. Decision 0024.
   */
  private void repeated(RecentIds among, RecordId id) {
    metrics.repeatedId();
    if (among.isFirstToTell()) {
      LOG.warn(
          "{}: two rows have one id ({}), and whoever reads the stream keeps one of them. Where one"
              + " input makes several rows, each needs an ordinal of its own (ordinal INT METADATA"
              + " in SQL, the field ordinal in a DataStream); several sinks to one stream need a"
              + " sink-uid each; ids of columns need columns that identify a row. Only where inputs"
              + " are read without dedup may these be copies of one input, and nothing be lost."
              + " This is told once; repeatedIds counts what is noticed",
          name,
          HexFormat.of().formatHex(id.toBytes()));
    }
  }

  /** Returns when every record before is done, at end of input too. */
  @Override
  public void flush(boolean endOfInput) throws IOException, InterruptedException {
    // A record that is refused meanwhile is one more for the handler.
    while (!prism.isIdle() || !errorHandler.isIdle()) {
      mailbox.yield();
    }
    try {
      errorHandler.flush();
    } catch (Exception e) {
      throw asIo(e);
    }
  }

  @Override
  public List<VersionFloor> snapshotState(long checkpointId) {
    return stamp.snapshot();
  }

  @Override
  public void close() throws IOException {
    if (recentIds != null) {
      recentIds.close();
    }
    prism.close();
    try {
      errorHandler.close();
    } catch (Exception e) {
      throw asIo(e);
    }
  }

  /** Of records that were not simply written. */
  private final class Outcomes implements PrismEngine.Failures {
    @Override
    public void failed(OutgoingRecord record, RecordId id, RuntimeException error) {
      if (!(error instanceof RecordException refusal)) {
        metrics.error();
        throw error;
      }
      try {
        refused(null, record, id, refusal);
      } catch (IOException e) {
        throw new IllegalStateException(e.getMessage(), e);
      }
    }

    @Override
    public boolean degraded(OutgoingRecord record, Delivery delivery) {
      metrics.degraded();
      try {
        return errorHandler.degraded(record, delivery);
      } catch (Exception e) {
        throw e instanceof RuntimeException unchecked
            ? unchecked
            : new IllegalStateException(e.getMessage(), e);
      }
    }
  }

  private void refused(
      @Nullable T element,
      @Nullable OutgoingRecord record,
      @Nullable RecordId id,
      RecordException error)
      throws IOException {
    metrics.error();
    try {
      errorHandler.handle(element, record, id, error);
    } catch (Exception e) {
      throw asIo(e);
    }
  }

  private static IOException asIo(Exception e) {
    if (e instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    return e instanceof IOException io ? io : new IOException(e.getMessage(), e);
  }
}
