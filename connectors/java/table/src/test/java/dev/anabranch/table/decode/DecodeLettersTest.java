package dev.anabranch.table.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.prism.DeliveryException;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordSerializer;
import dev.anabranch.table.deadletter.Unreachable;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.Mail;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.data.RowData;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Decoding while no primary takes dead letters. */
@Timeout(60)
class DecodeLettersTest {
  private static final String GOOD = "{\"run\":\"r1\"}";
  private static final String BAD = "{\"run\":";

  @TempDir Path folder;
  private OneInputStreamOperatorTestHarness<RawRecord, RowData> harness;
  private final AtomicBoolean mailed = new AtomicBoolean();

  @BeforeEach
  void open() throws Exception {
    harness =
        new OneInputStreamOperatorTestHarness<>(
            new DecodeOperator("logs", Decoders.appends(), Unreachable.letters(folder), null),
            new RawRecordSerializer());
    harness.open();
  }

  @AfterEach
  void close() throws Exception {
    harness.close();
  }

  private void read(String value) throws Exception {
    harness.processElement(new StreamRecord<>(Records.text(value)));
  }

  /** As the engine of a sink that is chained behind sends them. */
  private void mail() {
    harness
        .getTaskMailbox()
        .put(new Mail(() -> mailed.set(true), TaskMailbox.MAX_PRIORITY, "of the sink"));
  }

  @Test
  void goodRecordsGoOnUntilTheJobEnds() throws Exception {
    read(BAD);
    read(GOOD);
    assertThat(harness.extractOutputStreamRecords()).hasSize(1);
    assertThatThrownBy(() -> harness.getOperator().finish()).isInstanceOf(DeliveryException.class);
  }

  @Test
  void mailsGoOnWhileACheckpointWaits() throws Exception {
    read(BAD);
    mail();
    assertThatThrownBy(() -> harness.prepareSnapshotPreBarrier(1))
        .isInstanceOf(DeliveryException.class)
        .hasMessageContaining(
            "stream letters: 1 records in flight, the oldest undelivered for 1.0 s")
        .hasMessageContaining("a: not ready");
    assertThat(mailed).isTrue();
  }

  @Test
  void mailsGoOnWhileAnotherLetterWaits() throws Exception {
    read(BAD);
    mail();
    assertThatThrownBy(() -> read(BAD)).isInstanceOf(DeliveryException.class);
    assertThat(mailed).isTrue();
  }
}
