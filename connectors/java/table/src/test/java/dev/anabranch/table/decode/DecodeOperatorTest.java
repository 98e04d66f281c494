package dev.anabranch.table.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RawRecordSerializer;
import dev.anabranch.table.deadletter.BadRecordPolicy;
import dev.anabranch.table.deadletter.FailJob;
import dev.anabranch.table.deadletter.Reason;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.accumulators.Accumulator;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.data.RowData;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // Flink declares that closing may throw anything.
class DecodeOperatorTest {
  /** What the policy was asked to do, in order. */
  private static final List<String> CALLS = new ArrayList<>();

  @AfterEach
  void forget() {
    CALLS.clear();
  }

  @Test
  void handsOnRowsWithTheTimestampOfTheirRecord() throws Exception {
    try (OneInputStreamOperatorTestHarness<RawRecord, RowData> harness = harness(new Noting())) {
      harness.processElement(new StreamRecord<>(Records.text("{\"run\":\"r1\"}"), 17));

      List<StreamRecord<? extends RowData>> rows = harness.extractOutputStreamRecords();
      assertThat(rows).hasSize(1);
      assertThat(rows.get(0).getTimestamp()).isEqualTo(17);
      assertThat(rows.get(0).getValue().getString(0)).hasToString("r1");
      assertThat(CALLS).containsExactly("open logs");
    }
  }

  @Test
  void writesDeadLettersBeforeTheBarrierGoesOn() throws Exception {
    try (OneInputStreamOperatorTestHarness<RawRecord, RowData> harness = harness(new Noting())) {
      harness.processElement(new StreamRecord<>(Records.text("{\"run\":")));
      harness.processElement(new StreamRecord<>(Records.text("{\"run\":\"r2\"}")));
      assertThat(CALLS).last().isEqualTo("malformed");
      harness.prepareSnapshotPreBarrier(1);
      assertThat(CALLS).last().isEqualTo("written");
      harness.endInput();

      assertThat(harness.extractOutputStreamRecords()).hasSize(1);
      assertThat(setAside(harness)).hasToString("LongCounter 1");
    }
    assertThat(CALLS).containsExactly("open logs", "malformed", "written", "close");
  }

  @Test
  void whatIsNotLaterThanTheWatermarkIsSetAsideAndStandInsAreNot() throws Exception {
    try (OneInputStreamOperatorTestHarness<RawRecord, RowData> harness =
        harness(new Noting(), new Noting())) {
      harness.processElement(new StreamRecord<>(Records.text("{\"run\":\"r0\"}"), 10));
      harness.processWatermark(20);
      harness.processElement(new StreamRecord<>(Records.text("{\"run\":\"r1\"}"), 20));
      harness.processElement(new StreamRecord<>(Records.text("{\"run\":\"r2\"}"), 21));
      harness.processElement(new StreamRecord<>(Records.text("{\"run\":\"r3\"}")));
      harness.prepareSnapshotPreBarrier(1);

      assertThat(harness.extractOutputStreamRecords())
          .extracting(row -> row.getValue().getString(0).toString())
          .containsExactly("r0", "r2", "r3");
    }
    assertThat(CALLS)
        .containsExactly("open logs", "open logs", "late", "written", "close", "close");
  }

  @Test
  void whereLateRecordsAreToldNobodyIsToldThatTheStreamIsIdle() throws Exception {
    try (OneInputStreamOperatorTestHarness<RawRecord, RowData> telling =
            harness(new Noting(), new Noting());
        OneInputStreamOperatorTestHarness<RawRecord, RowData> other = harness(new Noting())) {
      telling.processWatermarkStatus(WatermarkStatus.IDLE);
      telling.processWatermarkStatus(WatermarkStatus.ACTIVE);
      other.processWatermarkStatus(WatermarkStatus.IDLE);

      assertThat(telling.getOutput()).containsExactly(WatermarkStatus.ACTIVE);
      assertThat(other.getOutput()).containsExactly(WatermarkStatus.IDLE);
    }
  }

  @Test
  void failsTheJobWithThePlaceOfTheRecordAndWhatToDo() throws Exception {
    try (OneInputStreamOperatorTestHarness<RawRecord, RowData> harness = harness(new FailJob())) {
      assertThatThrownBy(
              () -> harness.processElement(new StreamRecord<>(Records.text("{\"run\": 1"))))
          .hasMessageContaining("a record of stream 'logs' is malformed")
          .hasMessageContaining("primary a, topic logs-topic, partition 3, offset 7, id ")
          .hasMessageContaining("set 'dead-letters'");
      assertThat(setAside(harness)).hasToString("LongCounter 0");
    }
  }

  private static Accumulator<?, ?> setAside(
      OneInputStreamOperatorTestHarness<RawRecord, RowData> harness) {
    DecodeOperator operator = (DecodeOperator) harness.getOperator();
    return operator.getRuntimeContext().getAccumulator("deadLetters." + operator.getOperatorID());
  }

  private static OneInputStreamOperatorTestHarness<RawRecord, RowData> harness(
      BadRecordPolicy policy) throws Exception {
    return harness(policy, null);
  }

  private static OneInputStreamOperatorTestHarness<RawRecord, RowData> harness(
      BadRecordPolicy policy, @Nullable BadRecordPolicy late) throws Exception {
    OneInputStreamOperatorTestHarness<RawRecord, RowData> harness =
        new OneInputStreamOperatorTestHarness<>(
            new DecodeOperator("logs", Decoders.appends(), policy, late),
            new RawRecordSerializer());
    harness.open();
    return harness;
  }

  private static final class Noting implements BadRecordPolicy {
    private static final long serialVersionUID = 1L;

    @Override
    public Handler open(String stream, String job, MailboxExecutor mailbox) {
      CALLS.add("open " + stream);
      return new Handler() {
        private boolean pending;

        @Override
        public void handle(RawRecord record, Reason reason, String detail) {
          CALLS.add(reason.text());
          pending = true;
          mailbox.execute(this::written, "written");
        }

        private void written() {
          CALLS.add("written");
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
        public void close() {
          CALLS.add("close");
        }
      };
    }
  }
}
