package dev.anabranch.prism;

import dev.anabranch.records.RecordId;
import java.io.IOException;
import java.util.Collection;
import java.util.List;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.jspecify.annotations.Nullable;

/**
 * Writes elements through a {@link MailboxPrism}. The task waits only by working off its mailbox,
 * into which acknowledgements and ticks come, those of the error handler too: so both wait at once.
 */
final class PrismWriter<T> implements StatefulSinkWriter<T, VersionFloor> {
  private final RecordSerializer<T> serializer;
  private final RecordErrorHandler<T> errorHandler;
  private final RecordStamp stamp;
  private final MailboxExecutor mailbox;
  private final WriterMetrics metrics;
  private final MailboxPrism prism;

  PrismWriter(PrismSink<T> sink, WriterInitContext context, Collection<VersionFloor> restored)
      throws IOException {
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
      stamp.send(prism.engine(), record, context.timestamp());
      metrics.sent(record);
    } catch (RecordException e) {
      refused(element, record, null, e);
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
