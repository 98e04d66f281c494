package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.util.OutputTag;
import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // Flink declares that closing may throw anything.
class LateRecordsTest {
  private static final OutputTag<String> LATE = new OutputTag<>("late") {};

  @Test
  void lateIsWhatIsNotLaterThanTheWatermarkAndNothingWithoutTime() throws Exception {
    try (OneInputStreamOperatorTestHarness<String, String> harness = harness()) {
      harness.processElement("before any watermark", 10);
      harness.processWatermark(20);
      harness.processElement("at the watermark", 20);
      harness.processElement("behind it", 19);
      harness.processElement("ahead", 21);
      harness.processElement(new StreamRecord<>("no time"));

      assertThat(harness.getOutput())
          .containsExactly(
              new StreamRecord<>("before any watermark", 10),
              new Watermark(20),
              new StreamRecord<>("ahead", 21),
              new StreamRecord<>("no time"));
      assertThat(harness.getSideOutput(LATE))
          .containsExactly(
              new StreamRecord<>("at the watermark", 20), new StreamRecord<>("behind it", 19));
    }
  }

  @Test
  void windowsWaitForASubtaskThatHasNotHeardYetThatTheStreamGoesOn() throws Exception {
    try (OneInputStreamOperatorTestHarness<String, String> harness = harness()) {
      harness.processWatermark(14);
      harness.processWatermarkStatus(WatermarkStatus.IDLE);
      harness.processWatermarkStatus(WatermarkStatus.ACTIVE);
      harness.processElement("what another subtask's watermark has passed", 15);

      assertThat(harness.getOutput())
          .containsExactly(
              new Watermark(14),
              WatermarkStatus.ACTIVE,
              new StreamRecord<>("what another subtask's watermark has passed", 15));
    }
  }

  @Test
  void whatTheWatermarkHadPassedIsLateAfterARestoreToo() throws Exception {
    OperatorSubtaskState kept;
    try (OneInputStreamOperatorTestHarness<String, String> before = harness()) {
      before.processWatermark(20);
      kept = before.snapshot(1, 1);
    }
    try (OneInputStreamOperatorTestHarness<String, String> harness = harness(kept)) {
      harness.processElement("late as before", 20);
      harness.processWatermark(15);
      harness.processElement("late for all that the watermark begins anew", 16);
      harness.processElement("ahead", 21);

      assertThat(harness.getOutput())
          .containsExactly(new Watermark(15), new StreamRecord<>("ahead", 21));
      assertThat(harness.getSideOutput(LATE)).hasSize(2);
    }
  }

  @Test
  void afterARestoreItBeginsAtTheLowestOfAllSubtasks() throws Exception {
    List<OperatorSubtaskState> kept = new ArrayList<>();
    for (long each : new long[] {30, 20}) {
      try (OneInputStreamOperatorTestHarness<String, String> before = harness()) {
        before.processWatermark(each);
        kept.add(before.snapshot(1, 1));
      }
    }
    OperatorSubtaskState all =
        AbstractStreamOperatorTestHarness.repackageState(kept.toArray(OperatorSubtaskState[]::new));
    try (OneInputStreamOperatorTestHarness<String, String> harness = harness(all)) {
      harness.processElement("in time for windows that had heard of 20", 25);

      assertThat(harness.getSideOutput(LATE)).isNull();
    }
  }

  @Test
  void theEndOfTheInputIsNotKept() throws Exception {
    OperatorSubtaskState kept;
    try (OneInputStreamOperatorTestHarness<String, String> before = harness()) {
      before.processWatermark(20);
      before.processWatermark(Watermark.MAX_WATERMARK);
      kept = before.snapshot(1, 1);
    }
    try (OneInputStreamOperatorTestHarness<String, String> harness = harness(kept)) {
      harness.processElement("late", 20);
      harness.processElement("of what was written since", 21);

      assertThat(harness.getOutput())
          .containsExactly(new StreamRecord<>("of what was written since", 21));
    }
  }

  private static OneInputStreamOperatorTestHarness<String, String> harness() throws Exception {
    return harness(OperatorSubtaskState.builder().build());
  }

  private static OneInputStreamOperatorTestHarness<String, String> harness(
      OperatorSubtaskState kept) throws Exception {
    OneInputStreamOperatorTestHarness<String, String> harness =
        new OneInputStreamOperatorTestHarness<>(
            new LateRecords.Split<>(LATE), StringSerializer.INSTANCE);
    harness.initializeState(kept);
    harness.open();
    return harness;
  }
}
