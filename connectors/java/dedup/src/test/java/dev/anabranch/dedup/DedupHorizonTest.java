package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.dedup.Subtasks.Backend;
import dev.anabranch.dedup.Subtasks.Checkpoint;
import dev.anabranch.dedup.Subtasks.Fate;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is forgotten and when: by create time alone, and never so that an id passes twice. */
class DedupHorizonTest {
  private static final long DAY_MS = 86_400_000;
  private static final long START_MS = 20_000 * DAY_MS;
  private static final DedupOptions EIGHT_DAYS = DedupOptions.defaults();

  @ParameterizedTest
  @EnumSource
  void whatIsPastTheHorizonIsLateAndItsStateGoes(Backend backend) throws Exception {
    try (Subtasks subtasks = Subtasks.dedup(backend, EIGHT_DAYS)) {
      subtasks.wallClock(START_MS + 100 * DAY_MS);
      subtasks.start(1, null);
      RawRecord first = Records.of(RecordId.supplied("old", 0), START_MS);
      assertThat(subtasks.process(first)).isEqualTo(Fate.PASSED);
      subtasks.checkpoint();
      assertThat(subtasks.entries("blocks")).isEqualTo(1);
      // Exactly one horizon later it is remembered still.
      subtasks.process(Records.of(RecordId.supplied("new", 0), START_MS + 8 * DAY_MS));
      assertThat(subtasks.process(first)).isEqualTo(Fate.DROPPED);
      subtasks.process(Records.of(RecordId.supplied("new", 1), START_MS + 8 * DAY_MS + 1));
      assertThat(subtasks.process(first)).isEqualTo(Fate.LATE);
      subtasks.process(Records.of(RecordId.supplied("new", 2), START_MS + 8 * DAY_MS + 60_000));
      assertThat(subtasks.process(first)).isEqualTo(Fate.LATE);
      subtasks.checkpoint();
      assertThat(subtasks.entries("blocks")).as("only the new block").isEqualTo(1);
      assertThat(subtasks.timers()).isEqualTo(1);
    }
  }

  @Test
  void outageOfAnyLengthForgetsNothing() throws Exception {
    try (Subtasks subtasks = Subtasks.dedup(Backend.ROCKSDB, EIGHT_DAYS)) {
      subtasks.wallClock(START_MS);
      subtasks.start(1, null);
      RawRecord before = Records.of(RecordId.supplied("run", 0), START_MS);
      subtasks.process(before);
      Checkpoint checkpoint = subtasks.checkpoint();
      subtasks.wallClock(START_MS + 365 * DAY_MS);
      subtasks.start(3, checkpoint);
      RawRecord backlog = Records.of(RecordId.supplied("run", 1), START_MS + DAY_MS);
      assertThat(subtasks.process(backlog)).isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(before)).isEqualTo(Fate.DROPPED);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {START_MS + 999 * DAY_MS, Long.MAX_VALUE})
  void recordFromTheFutureExpiresNothing(long futureMs) throws Exception {
    try (Subtasks subtasks = Subtasks.dedup(Backend.HEAP, EIGHT_DAYS)) {
      subtasks.wallClock(START_MS);
      subtasks.start(1, null);
      RawRecord now = Records.of(RecordId.supplied("run", 0), START_MS);
      RawRecord future = Records.of(RecordId.supplied("run", 1), futureMs);
      subtasks.process(now);
      assertThat(subtasks.process(future)).isEqualTo(Fate.PASSED);
      // Written and read again: a timer that fires at once would show here.
      subtasks.start(1, subtasks.checkpoint());
      assertThat(subtasks.process(now)).isEqualTo(Fate.DROPPED);
      assertThat(subtasks.process(future)).isEqualTo(Fate.DROPPED);
      RawRecord aWeekOld = Records.of(RecordId.supplied("run", 2), START_MS - 7 * DAY_MS);
      assertThat(subtasks.process(aWeekOld)).isEqualTo(Fate.PASSED);
    }
  }

  @Test
  void recordWithoutCreateTimeIsNeverLate() throws Exception {
    try (Subtasks subtasks = Subtasks.dedup(Backend.HEAP, EIGHT_DAYS)) {
      subtasks.wallClock(START_MS);
      subtasks.start(1, null);
      subtasks.process(Records.of(RecordId.supplied("run", 0), START_MS));
      RawRecord timeless = Records.of(RecordId.supplied("run", 1), -1);
      assertThat(subtasks.process(timeless)).isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(timeless)).isEqualTo(Fate.DROPPED);
    }
  }

  @Test
  void longerHorizonAfterARestartDoesNotReviveWhatWasForgotten() throws Exception {
    RawRecord old = Records.of(RecordId.supplied("run", 0), START_MS);
    Checkpoint checkpoint;
    try (Subtasks subtasks = Subtasks.dedup(Backend.HEAP, EIGHT_DAYS)) {
      subtasks.wallClock(START_MS + 100 * DAY_MS);
      subtasks.start(1, null);
      subtasks.process(old);
      checkpoint = subtasks.checkpoint();
      subtasks.process(Records.of(RecordId.supplied("run", 100_000), START_MS + 10 * DAY_MS));
      checkpoint = subtasks.checkpoint();
      assertThat(subtasks.entries("blocks")).isEqualTo(1);
    }
    DedupOptions longer = EIGHT_DAYS.withHorizon(Duration.ofDays(30));
    try (Subtasks subtasks = Subtasks.dedup(Backend.HEAP, longer)) {
      subtasks.wallClock(START_MS + 100 * DAY_MS);
      subtasks.start(1, checkpoint);
      assertThat(subtasks.process(old)).isEqualTo(Fate.LATE);
    }
  }

  @Test
  void keyGroupsThatMoveKeepTheLatestLine() throws Exception {
    try (Subtasks subtasks = Subtasks.dedup(Backend.HEAP, EIGHT_DAYS)) {
      subtasks.wallClock(START_MS + 100 * DAY_MS);
      subtasks.start(2, null);
      RawRecord old = onSubtask(0, subtasks, START_MS);
      subtasks.process(old);
      subtasks.process(onSubtask(1, subtasks, START_MS));
      subtasks.checkpoint();
      // Only subtask 0 sees that time goes on, and forgets.
      subtasks.process(onSubtask(0, subtasks, START_MS + 20 * DAY_MS));
      Checkpoint checkpoint = subtasks.checkpoint();
      assertThat(subtasks.process(old)).isEqualTo(Fate.LATE);
      for (int parallelism = 1; parallelism <= 4; parallelism++) {
        subtasks.start(parallelism, checkpoint);
        assertThat(subtasks.process(old)).as("at %d", parallelism).isEqualTo(Fate.LATE);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void noIdPassesTwiceWhileTimeRunsAndStateStaysBounded(Backend backend) throws Exception {
    Random random = new Random(7);
    DedupOptions options = new DedupOptions(Duration.ofMinutes(30), 8);
    Map<RecordId, Long> passedAt = new HashMap<>();
    List<RawRecord> past = new ArrayList<>();
    long newest = START_MS;
    int lates = 0;
    try (Subtasks subtasks = Subtasks.dedup(backend, options)) {
      subtasks.wallClock(START_MS + 999 * DAY_MS);
      subtasks.start(2, null);
      for (int i = 0; i < 10_000; i++) {
        RawRecord record;
        if (random.nextInt(3) == 0 && !past.isEmpty()) {
          record = past.get(Math.max(0, past.size() - 1 - random.nextInt(3_000)));
        } else {
          long time = START_MS + i * 2_000L - random.nextInt(60_000);
          record = Records.of(RecordId.supplied("run-" + i / 300, i % 300), time);
          past.add(record);
        }
        Fate fate = subtasks.process(record);
        newest = Math.max(newest, record.timestampMs());
        if (fate == Fate.LATE) {
          lates++;
          assertThat(record.timestampMs()).isLessThan(newest - options.horizon().toMillis());
        } else {
          assertThat(fate == Fate.PASSED).isEqualTo(passedAt.put(record.id(), newest) == null);
        }
        if (i % 1_500 == 1_499) {
          subtasks.start(1 + random.nextInt(4), subtasks.checkpoint());
        }
      }
      subtasks.checkpoint();
      assertThat(lates).isGreaterThan(100);
      // 30 minutes are 900 records of 3 runs; key groups that move may be a run behind.
      assertThat(subtasks.entries("blocks")).isBetween(3L, 12L);
    }
  }

  private static RawRecord onSubtask(int subtask, Subtasks subtasks, long timeMs) throws Exception {
    for (int i = 0; ; i++) {
      RawRecord record = Records.of(RecordId.supplied("scope-" + i, 0), timeMs);
      if (subtasks.subtaskOf(record) == subtask) {
        return record;
      }
    }
  }
}
