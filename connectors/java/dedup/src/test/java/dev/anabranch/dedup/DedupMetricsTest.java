package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.dedup.Subtasks.Backend;
import dev.anabranch.records.RawHeader;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What the operator counts, and which options it refuses. */
class DedupMetricsTest {
  private static final long DAY_MS = Duration.ofDays(1).toMillis();
  private static final long START_MS = 20_000 * DAY_MS;

  @Test
  void countsDuplicatesLateAndForeignRecords() throws Exception {
    try (Subtasks subtasks = Subtasks.dedup(Backend.HEAP, DedupOptions.defaults())) {
      subtasks.wallClock(START_MS);
      subtasks.start(1, null);
      for (int i = 0; i < 3; i++) {
        subtasks.process(Records.of(RecordId.supplied("run", 0), START_MS));
      }
      subtasks.process(Records.of(RecordId.supplied("run", 1), START_MS - 9 * DAY_MS));
      for (long offset = 0; offset < 4; offset++) {
        RecordId id = RecordId.foreign("cluster", "topic", 0, offset);
        subtasks.process(Records.foreign(id, START_MS));
      }
      assertThat(subtasks.metric("duplicates")).isEqualTo(2);
      assertThat(subtasks.metric("late")).isEqualTo(1);
      assertThat(subtasks.metric("foreign")).isEqualTo(4);
      assertThat(subtasks.metric("cachedBlocks")).isEqualTo(2);
    }
  }

  @Test
  void markedLateRecordStaysInTheStreamWithItsMark() throws Exception {
    try (Subtasks subtasks =
        new Subtasks(
            Backend.HEAP,
            () -> new DedupOperator(DedupOptions.defaults(), true),
            record -> BlockLayout.keyOf(record.id()))) {
      subtasks.wallClock(START_MS);
      subtasks.start(1, null);
      subtasks.process(Records.of(RecordId.supplied("run", 0), START_MS));
      assertThat(subtasks.lastOutput().headers()).isEmpty();
      RawRecord late = Records.of(RecordId.supplied("run", 1), START_MS - 9 * DAY_MS);
      assertThat(subtasks.process(late)).isEqualTo(Subtasks.Fate.PASSED);
      assertThat(subtasks.lastOutput().headers())
          .extracting(RawHeader::name)
          .containsExactly(Dedup.LATE_HEADER);
      assertThat(subtasks.metric("late")).isEqualTo(1);
    }
  }

  @Test
  void foreignRecordsAreDroppedWhenTheSamePlaceIsReadTwice() throws Exception {
    try (Subtasks subtasks = Subtasks.dedup(Backend.HEAP, DedupOptions.defaults())) {
      subtasks.start(1, null);
      RecordId id = RecordId.foreign("cluster", "topic", 3, 1L << 40);
      assertThat(subtasks.process(Records.foreign(id, 1))).isEqualTo(Subtasks.Fate.PASSED);
      assertThat(subtasks.process(Records.foreign(id, 1))).isEqualTo(Subtasks.Fate.DROPPED);
    }
  }

  @Test
  void horizonMustCoverTheRetention() {
    DedupOptions options = DedupOptions.defaults().withHorizon(Duration.ofDays(7));
    assertThat(options.coveringRetention(Duration.ofDays(7))).isEqualTo(options);
    assertThatThrownBy(() -> options.coveringRetention(Duration.ofDays(8)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("shorter than the stream's retention");
    assertThatThrownBy(() -> options.withHorizon(Duration.ofSeconds(59)))
        .hasMessageContaining("at least 1 minute");
    assertThatThrownBy(() -> options.withCachedBlocks(0)).hasMessageContaining("at least 1 block");
  }
}
