package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.dedup.Subtasks.Backend;
import dev.anabranch.dedup.Subtasks.Checkpoint;
import dev.anabranch.dedup.Subtasks.Fate;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import dev.anabranch.records.RecordVersion;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Of the records of a key only those pass that are newer than all before. */
class LatestByVersionTest {
  private static final long DAY_MS = Duration.ofDays(1).toMillis();
  private static final long START_MS = 20_000 * DAY_MS;
  private static final long HORIZON_MS = 8 * DAY_MS;

  @Test
  void higherEpochBeatsLaterClockAndBothAreUnsigned() throws Exception {
    try (Subtasks subtasks = start(Backend.HEAP)) {
      assertThat(subtasks.process(versioned(1, 9))).isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(versioned(1, 9))).isEqualTo(Fate.DROPPED);
      assertThat(subtasks.process(versioned(1, 8))).isEqualTo(Fate.DROPPED);
      assertThat(subtasks.process(versioned(2, 1))).isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(versioned(1, 10))).isEqualTo(Fate.DROPPED);
      assertThat(subtasks.process(versioned(2, -1))).isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(versioned(-1, 0))).isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(versioned(3, 0))).isEqualTo(Fate.DROPPED);
    }
  }

  @Test
  void withoutVersionTheLaterCreateTimeWins() throws Exception {
    try (Subtasks subtasks = start(Backend.HEAP)) {
      assertThat(subtasks.process(Records.upsert("k", "a", null, START_MS, false)))
          .isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(Records.upsert("k", "b", null, START_MS - 1, false)))
          .isEqualTo(Fate.DROPPED);
      assertThat(subtasks.process(Records.upsert("k", "c", null, START_MS, false)))
          .as("of one millisecond neither is known to be older")
          .isEqualTo(Fate.PASSED);
      RecordVersion same = new RecordVersion(0, START_MS << 16);
      assertThat(subtasks.process(Records.upsert("k", "d", same, START_MS, false)))
          .isEqualTo(Fate.DROPPED);
      assertThat(subtasks.process(versioned(1, 0))).isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(Records.upsert("k", "e", null, START_MS + 1, false)))
          .isEqualTo(Fate.DROPPED);
    }
  }

  @Test
  void recordWithoutKeyPasses() throws Exception {
    try (Subtasks subtasks = start(Backend.HEAP)) {
      RawRecord unkeyed = Records.of(RecordId.supplied("run", 1), START_MS);
      assertThat(subtasks.process(unkeyed)).isEqualTo(Fate.PASSED);
      assertThat(subtasks.process(unkeyed)).isEqualTo(Fate.PASSED);
    }
  }

  @ParameterizedTest
  @EnumSource
  void deletedKeyStaysDeletedForAHorizonFromItsReading(Backend backend) throws Exception {
    try (Subtasks subtasks = start(backend)) {
      // The delete itself is a year old: a topic is read from its start.
      RawRecord delete =
          Records.upsert("k", "", new RecordVersion(1, 5), START_MS - 365 * DAY_MS, true);
      RawRecord older =
          Records.upsert("k", "old", new RecordVersion(1, 4), START_MS - 366 * DAY_MS, false);
      assertThat(subtasks.process(delete)).isEqualTo(Fate.PASSED);
      for (int i = 0; i < 50; i++) {
        subtasks.process(versionedOf("other-" + i, 1, 1));
      }
      assertThat(subtasks.process(older)).isEqualTo(Fate.DROPPED);
      Checkpoint checkpoint = subtasks.checkpoint();
      subtasks.start(3, checkpoint);
      assertThat(subtasks.process(older)).isEqualTo(Fate.DROPPED);
      assertThat(subtasks.entries("latest")).isEqualTo(51);
    }
  }

  @ParameterizedTest
  @EnumSource
  void deletedKeyIsForgottenInTheEndAndLiveOnesNever(Backend backend) throws Exception {
    try (Subtasks subtasks = start(backend)) {
      subtasks.process(Records.upsert("gone", "", new RecordVersion(1, 1), START_MS, true));
      subtasks.process(Records.upsert("live", "", new RecordVersion(1, 1), START_MS, false));
      subtasks.process(Records.upsert("back", "", new RecordVersion(1, 1), START_MS, true));
      subtasks.process(Records.upsert("back", "", new RecordVersion(1, 2), START_MS, false));
      assertThat(subtasks.entries("latest")).isEqualTo(3);
      long later = START_MS + HORIZON_MS + 60_000;
      subtasks.wallClock(later);
      for (int i = 0; i < 50; i++) {
        subtasks.process(Records.upsert("live-" + i, "", new RecordVersion(1, 1), later, false));
      }
      assertThat(subtasks.entries("latest")).as("all but one").isEqualTo(52);
      assertThat(subtasks.process(versionedOf("back", 1, 1))).isEqualTo(Fate.DROPPED);
      assertThat(subtasks.process(versionedOf("live", 1, 1))).isEqualTo(Fate.DROPPED);
    }
  }

  @ParameterizedTest
  @EnumSource
  void anyOrderEndsOnTheHighestVersionOfEachKey(Backend backend) throws Exception {
    Random random = new Random(11);
    Map<String, RecordVersion> model = new HashMap<>();
    List<RawRecord> sinceCheckpoint = new ArrayList<>();
    try (Subtasks subtasks = start(backend)) {
      Checkpoint checkpoint = subtasks.checkpoint();
      Map<String, RecordVersion> modelAtCheckpoint = Map.of();
      for (int i = 0; i < 3_000; i++) {
        String key = "key-" + random.nextInt(50);
        RecordVersion version = new RecordVersion(random.nextInt(3), random.nextInt(100));
        RawRecord record =
            Records.upsert(key, "v" + i, version, START_MS - i, random.nextInt(5) == 0);
        sinceCheckpoint.add(record);
        process(record, subtasks, model);
        int dice = random.nextInt(500);
        if (dice == 0) {
          checkpoint = subtasks.checkpoint();
          modelAtCheckpoint = Map.copyOf(model);
          sinceCheckpoint.clear();
        } else if (dice == 1) {
          subtasks.start(1 + random.nextInt(3), checkpoint);
          model = new HashMap<>(modelAtCheckpoint);
          for (RawRecord again : sinceCheckpoint) {
            process(again, subtasks, model);
          }
        }
      }
    }
  }

  private static void process(RawRecord record, Subtasks subtasks, Map<String, RecordVersion> model)
      throws Exception {
    String key = new String(record.key(), java.nio.charset.StandardCharsets.UTF_8);
    RecordVersion version = record.version();
    RecordVersion known = model.get(key);
    boolean newer = known == null || version.compareTo(known) > 0;
    assertThat(subtasks.process(record)).isEqualTo(newer ? Fate.PASSED : Fate.DROPPED);
    if (newer) {
      model.put(key, version);
    }
  }

  private static Subtasks start(Backend backend) throws Exception {
    Subtasks subtasks = Subtasks.latestByVersion(backend, HORIZON_MS);
    subtasks.wallClock(START_MS);
    return subtasks.start(2, null);
  }

  private static RawRecord versioned(int epoch, long clock) {
    return versionedOf("k", epoch, clock);
  }

  private static RawRecord versionedOf(String key, int epoch, long clock) {
    return Records.upsert(key, "", new RecordVersion(epoch, clock), START_MS, false);
  }
}
