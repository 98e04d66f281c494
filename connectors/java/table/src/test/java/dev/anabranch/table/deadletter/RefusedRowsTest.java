package dev.anabranch.table.deadletter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.prism.DeliveryException;
import dev.anabranch.prism.PrismSink;
import dev.anabranch.prism.RecordIdMode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperatorFactory;
import org.apache.flink.streaming.runtime.tasks.mailbox.Mail;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A sink none of whose rows can be written, and no letter about them either. */
@Timeout(60)
@SuppressWarnings("try") // Flink declares that closing may throw anything.
class RefusedRowsTest {
  @TempDir Path folder;

  private OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness()
      throws Exception {
    RefusedRows.Target target =
        new RefusedRows.Target("rows", "job", "sink", RefusedRows.LetterIds.DRAWN, 1000);
    PrismSink<String> sink =
        PrismSink.<String>builder().topology(Unreachable.topology(folder)).stream("rows")
            .options(Unreachable.options(folder, Duration.ofSeconds(30)))
            .recordId(RecordIdMode.NONE)
            .serializer(
                row -> {
                  throw new IllegalArgumentException(row);
                })
            .onRecordError(new RefusedRows<>(target, Unreachable.letters(folder), row -> row))
            .build();
    OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness =
        new OneInputStreamOperatorTestHarness<>(new SinkWriterOperatorFactory<>(sink));
    harness.open();
    return harness;
  }

  @Test
  void mailsGoOnWhileARowWaitsForALetter() throws Exception {
    AtomicBoolean mailed = new AtomicBoolean();
    try (OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness =
        harness()) {
      harness.processElement("one", 1);
      harness
          .getTaskMailbox()
          .put(new Mail(() -> mailed.set(true), TaskMailbox.MAX_PRIORITY, "of the rows"));
      assertThatThrownBy(() -> harness.processElement("two", 2))
          .isInstanceOf(DeliveryException.class)
          .hasMessageContaining("stream letters: 1 records in flight");
    }
    assertThat(mailed).isTrue();
  }

  @Test
  void mailsGoOnWhileACheckpointWaitsForALetterAndOnlyForMaxBlock() throws Exception {
    AtomicBoolean mailed = new AtomicBoolean();
    long start = System.nanoTime();
    try (OneInputStreamOperatorTestHarness<String, CommittableMessage<Object>> harness =
        harness()) {
      harness.processElement("one", 1);
      harness
          .getTaskMailbox()
          .put(new Mail(() -> mailed.set(true), TaskMailbox.MAX_PRIORITY, "of the rows"));
      assertThatThrownBy(() -> harness.prepareSnapshotPreBarrier(1))
          .isInstanceOf(DeliveryException.class)
          .hasMessageContaining("undelivered for 1.0 s (max-block)");
    }
    assertThat(mailed).isTrue();
    assertThat(Duration.ofNanos(System.nanoTime() - start))
        .as("far less than the rows' own max-block")
        .isLessThan(Duration.ofSeconds(20));
  }
}
