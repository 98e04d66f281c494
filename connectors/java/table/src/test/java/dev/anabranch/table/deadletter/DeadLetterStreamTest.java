package dev.anabranch.table.deadletter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.prism.DeliveryException;
import dev.anabranch.prism.PrismOptions;
import dev.anabranch.records.Origin;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import dev.anabranch.topology.TopologyException;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.streaming.runtime.tasks.StreamTaskActionExecutor;
import org.apache.flink.streaming.runtime.tasks.mailbox.MailboxExecutorImpl;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailboxImpl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class DeadLetterStreamTest {
  @TempDir Path folder;

  private final MailboxExecutorImpl mailbox =
      new MailboxExecutorImpl(new TaskMailboxImpl(), 0, StreamTaskActionExecutor.IMMEDIATE);

  @Test
  void theTaskWaitsNoLongerThanMaxBlockWhereNoPrimaryTakesTheLetter() throws Exception {
    try (BadRecordPolicy.Handler letters = open()) {
      letters.handle(record(), Reason.MALFORMED, "cut off");

      assertThatThrownBy(
              () -> {
                while (!letters.isIdle()) {
                  mailbox.yield();
                }
              })
          .isInstanceOf(DeliveryException.class)
          .hasMessageContaining("undelivered for 1.0 s (max-block)");
    }
  }

  @Test
  void lettersAreTakenAtOnceWhetherOrNotThereIsRoom() throws Exception {
    try (BadRecordPolicy.Handler letters = open()) {
      long start = System.nanoTime();
      for (int i = 0; i < 3; i++) {
        letters.handle(record(), Reason.MALFORMED, "cut off");
      }
      assertThat(letters.isFull()).isTrue();
      assertThat(letters.isIdle()).isFalse();
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
    }
  }

  @Test
  void withoutALetterThereIsNothingToWaitForNorToClose() {
    try (BadRecordPolicy.Handler letters = open()) {
      assertThat(letters.isFull()).isFalse();
      assertThat(letters.isIdle()).isTrue();
    }
  }

  @Test
  void lettersThatMayDoWithFewerCopiesAreOpenFromTheStart() {
    PrismOptions options =
        PrismOptions.builder()
            .degradeAfter(Duration.ofSeconds(9))
            .cacheDirectory(folder.toString())
            .build();
    DeadLetterStream absent =
        new DeadLetterStream(Unreachable.topology(folder), "absent", 1000, options);
    assertThatThrownBy(() -> absent.open("logs", "job", mailbox))
        .as("as soon as the task starts, and not with the first letter")
        .isInstanceOf(TopologyException.class)
        .hasMessageContaining("no stream 'absent'");
  }

  private BadRecordPolicy.Handler open() {
    return Unreachable.letters(folder).open("logs", "job", mailbox);
  }

  private static RawRecord record() {
    Origin origin = new Origin("a", "A", "logs", "t", 0);
    byte[] value = "{".getBytes(UTF_8);
    RecordId id = RecordId.supplied("logs", 0);
    return new RawRecord(origin, 0, 0, null, value, id, false, new RawHeader[] {});
  }
}
