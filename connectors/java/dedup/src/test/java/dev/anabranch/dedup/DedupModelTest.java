package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.dedup.Subtasks.Backend;
import dev.anabranch.dedup.Subtasks.Checkpoint;
import dev.anabranch.dedup.Subtasks.Fate;
import dev.anabranch.records.RawRecord;
import dev.anabranch.records.RecordId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random histories against a plain set: duplicates near and far, holes, disorder, hashed ids,
 * checkpoints, crashes with replay in another order, and rescaling.
 */
class DedupModelTest {
  private static final int SCOPES = 4;
  private static final long NOW_MS = 1_800_000_000_000L;

  static Stream<Arguments> histories() {
    return Stream.of(
        Arguments.of(Backend.HEAP, 1, 2, 20_000),
        Arguments.of(Backend.HEAP, 2, 100, 20_000),
        Arguments.of(Backend.HEAP, 3, 5_000, 20_000),
        Arguments.of(Backend.ROCKSDB, 4, 50, 5_000),
        Arguments.of(Backend.ROCKSDB_TIMERS_ON_HEAP, 5, 500, 5_000));
  }

  static Stream<Arguments> longHistories() {
    return Stream.of(Backend.values())
        .flatMap(
            backend ->
                Stream.of(6, 7, 8)
                    .map(seed -> Arguments.of(backend, seed, 1 << (2 * seed - 10), 50_000)));
  }

  @ParameterizedTest
  @MethodSource("histories")
  void behavesLikeASet(Backend backend, int seed, int cachedBlocks, int records) throws Exception {
    compareWithASet(backend, seed, cachedBlocks, records);
  }

  @Tag("long")
  @ParameterizedTest
  @MethodSource("longHistories")
  void behavesLikeASetForLong(Backend backend, int seed, int cachedBlocks, int records)
      throws Exception {
    compareWithASet(backend, seed, cachedBlocks, records);
  }

  private static void compareWithASet(Backend backend, int seed, int cachedBlocks, int records)
      throws Exception {
    Random random = new Random(seed);
    List<RawRecord> input = records(random, records);
    DedupOptions options = DedupOptions.defaults().withCachedBlocks(cachedBlocks);
    try (Subtasks subtasks = Subtasks.dedup(backend, options)) {
      subtasks.wallClock(NOW_MS);
      subtasks.start(2, null);
      Set<RecordId> seen = new HashSet<>();
      Set<RecordId> seenAtCheckpoint = new HashSet<>();
      Checkpoint checkpoint = subtasks.checkpoint();
      int checkpointAt = 0;
      int crashes = 0;
      for (int i = 0; i < input.size(); i++) {
        RawRecord record = input.get(i);
        assertThat(subtasks.process(record))
            .as("record %d, %s, after %d crashes", i, record.id(), crashes)
            .isEqualTo(seen.add(record.id()) ? Fate.PASSED : Fate.DROPPED);
        int dice = random.nextInt(input.size() / 5);
        if (dice < 4) {
          checkpoint = subtasks.checkpoint();
          seenAtCheckpoint = new HashSet<>(seen);
          checkpointAt = i + 1;
        } else if (dice < 8 && crashes < 12) {
          crashes++;
          subtasks.start(1 + random.nextInt(4), checkpoint);
          seen = new HashSet<>(seenAtCheckpoint);
          Collections.shuffle(input.subList(checkpointAt, i + 1), random);
          i = checkpointAt - 1;
        }
      }
      assertThat(crashes).as("crashes in this history").isGreaterThan(3);
    }
  }

  /** A third duplicates; long runs, holes, far sequences and hashes; within minutes of one time. */
  private static List<RawRecord> records(Random random, int count) {
    List<RawRecord> records = new ArrayList<>();
    long[] next = new long[SCOPES];
    while (records.size() < count) {
      int dice = random.nextInt(100);
      if (dice < 25 && !records.isEmpty()) {
        records.add(records.get(random.nextInt(records.size())));
      } else if (dice < 33) {
        records.add(record(new RecordId(random.nextLong(), random.nextLong()), random));
      } else {
        int scope = random.nextInt(SCOPES);
        next[scope] += dice < 40 ? random.nextInt(1 << (2 * scope + 4)) : 1;
        int back = random.nextInt(4) == 0 ? random.nextInt(200) : 0;
        long sequence = Math.max(0, next[scope] - back);
        records.add(record(RecordId.supplied("scope-" + scope, sequence), random));
      }
    }
    return records;
  }

  private static RawRecord record(RecordId id, Random random) {
    return Records.of(id, NOW_MS - random.nextInt(600_000));
  }
}
