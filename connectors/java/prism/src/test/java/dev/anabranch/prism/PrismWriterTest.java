package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RecordId;
import dev.anabranch.topology.TopologyException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperatorFactory;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the writer asks of the handler of records that no primary takes. */
@Timeout(60)
@SuppressWarnings("try") // Flink declares that closing may throw anything.
class PrismWriterTest {
  private static final long SLOW_MS = 300;

  /** What happened to the handler, in order; static, since Flink may copy a sink. */
  private static final List<String> CALLS = new ArrayList<>();

  @TempDir Path folder;

  @BeforeEach
  void forget() {
    CALLS.clear();
  }

  /** Is full, and not idle, until a mail says that what it took is safe. */
  private static final class Slow implements RecordErrorHandler<String> {
    private static final long serialVersionUID = 1L;

    private transient @Nullable MailboxExecutor mailbox;
    private boolean pending;

    @Override
    public void open(WriterInitContext context) {
      mailbox = context.getMailboxExecutor();
    }

    @Override
    public void handle(
        @Nullable String element,
        @Nullable OutgoingRecord record,
        @Nullable RecordId id,
        RecordException error) {
      CALLS.add("took");
      pending = true;
      MailboxExecutor open = mailbox;
      assertThat(open).isNotNull();
      CompletableFuture.delayedExecutor(SLOW_MS, TimeUnit.MILLISECONDS)
          .execute(() -> open.execute(this::done, "done"));
    }

    private void done() {
      CALLS.add("wrote");
      pending = false;
    }

    @Override
    public boolean isFull() {
      return pending;
    }

    @Override
    public boolean isIdle() {
      return !pending;
    }

    @Override
    public void flush() {
      CALLS.add("flush");
    }

    @Override
    public void close() {
      CALLS.add("close");
    }
  }

  /** A writer to a stream without a live primary, whose serializer makes no record of anything. */
  private OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness(
      String stream) throws Exception {
    String topology = TwoBrokers.topology(folder, "known", 1, 1, "127.0.0.1:1", "127.0.0.1:2");
    PrismSink<String> sink =
        PrismSink.<String>builder().topology(topology).stream(stream)
            .recordId(RecordIdMode.NONE)
            .serializer(
                element -> {
                  throw new IllegalArgumentException(element);
                })
            .onRecordError(new Slow())
            .build();
    return new OneInputStreamOperatorTestHarness<>(new SinkWriterOperatorFactory<>(sink));
  }

  @Test
  void elementsAndCheckpointsWaitForTheHandler() throws Exception {
    try (OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness =
        harness("known")) {
      harness.open();
      harness.processElement("one", 1);
      assertThat(CALLS).as("the element itself waits for nothing").containsExactly("took");
      harness.processElement("two", 2);
      harness.prepareSnapshotPreBarrier(1);
      assertThat(CALLS).containsExactly("took", "wrote", "took", "wrote", "flush");
    }
    assertThat(CALLS).last().isEqualTo("close");
  }

  @Test
  void theHandlerIsClosedWhereTheStreamIsUnknown() throws Exception {
    try (OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness =
        harness("unknown")) {
      assertThatThrownBy(harness::open)
          .isInstanceOf(TopologyException.class)
          .hasMessageContaining("no stream 'unknown'");
      assertThat(CALLS).containsExactly("close");
    }
  }
}
