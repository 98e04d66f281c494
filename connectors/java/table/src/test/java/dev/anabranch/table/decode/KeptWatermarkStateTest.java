package dev.anabranch.table.decode;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.records.RawRecord;
import dev.anabranch.table.deadletter.BadRecordPolicy;
import dev.anabranch.table.deadletter.FailJob;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.data.RowData;
import org.junit.jupiter.api.Test;

/** The kept watermark's state from restart to restart. */
@SuppressWarnings("try") // Flink declares that closing may throw anything.
class KeptWatermarkStateTest {
  private static final int PARALLELISM = 4;

  @Test
  void isGoneOnceNothingTellsOfLateRecordsAnyMore() throws Exception {
    List<Integer> sizes = new ArrayList<>();
    OperatorSubtaskState all = round(null, new FailJob());
    sizes.add(kept(all));
    for (int restart = 0; restart < 4; restart++) {
      all = round(all, null);
      sizes.add(kept(all));
    }
    assertThat(sizes).containsExactly(PARALLELISM, 0, 0, 0, 0);
  }

  @Test
  void staysOneOfEachSubtask() throws Exception {
    OperatorSubtaskState all = round(null, new FailJob());
    for (int restart = 0; restart < 3; restart++) {
      all = round(all, new FailJob());
    }
    assertThat(kept(all)).isEqualTo(PARALLELISM);
  }

  /** Restores all subtasks, takes a checkpoint, and gives what it holds. */
  private static OperatorSubtaskState round(OperatorSubtaskState from, BadRecordPolicy late)
      throws Exception {
    OperatorSubtaskState[] kept = new OperatorSubtaskState[PARALLELISM];
    for (int subtask = 0; subtask < PARALLELISM; subtask++) {
      OneInputStreamOperatorTestHarness<RawRecord, RowData> harness =
          new OneInputStreamOperatorTestHarness<>(
              new DecodeOperator("logs", Decoders.appends(), new FailJob(), late),
              PARALLELISM,
              PARALLELISM,
              subtask);
      try (harness) {
        if (from != null) {
          harness.initializeState(
              AbstractStreamOperatorTestHarness.repartitionOperatorState(
                  from, PARALLELISM, PARALLELISM, PARALLELISM, subtask));
        }
        harness.open();
        harness.processWatermark(20);
        kept[subtask] = harness.snapshot(1, 1);
      }
    }
    return AbstractStreamOperatorTestHarness.repackageState(kept);
  }

  private static int kept(OperatorSubtaskState state) {
    int count = 0;
    for (OperatorStateHandle each : state.getManagedOperatorState()) {
      OperatorStateHandle.StateMetaInfo meta =
          each.getStateNameToPartitionOffsets().get("watermark");
      count += meta == null ? 0 : meta.getOffsets().length;
    }
    return count;
  }
}
