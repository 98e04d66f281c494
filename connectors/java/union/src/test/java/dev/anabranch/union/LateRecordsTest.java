package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.flink.api.common.typeutils.base.StringSerializer;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
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

  private static OneInputStreamOperatorTestHarness<String, String> harness() throws Exception {
    OneInputStreamOperatorTestHarness<String, String> harness =
        new OneInputStreamOperatorTestHarness<>(
            new LateRecords.Split<>(LATE), StringSerializer.INSTANCE);
    harness.open();
    return harness;
  }
}
