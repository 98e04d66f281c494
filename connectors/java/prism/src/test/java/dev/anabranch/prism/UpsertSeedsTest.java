package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Upserts over many drawn histories of faults, checkpoints and crashes. */
@Timeout(120)
class UpsertSeedsTest {
  private static final int SEEDS = 200;

  /** What a crashed run had sent and was not written went with its connections. */
  @Test
  void theHighestVersionIsTheTruthAlsoAfterCompaction() {
    int runs = 0;
    int duplicates = 0;
    for (long seed = 0; seed < SEEDS; seed++) {
      UpsertWorld world = play(seed, false);
      try {
        world.assertCompactionKeepsTheTruth();
      } catch (AssertionError e) {
        throw new AssertionError("seed " + seed, e);
      }
      runs += world.runs();
      duplicates += world.duplicates();
    }
    assertThat(runs).as("crashes").isGreaterThan(3 * SEEDS);
    assertThat(duplicates).as("hedges and retries").isGreaterThan(SEEDS);
  }

  /** A paused primary applies it when it goes on, after whatever newer runs wrote. */
  @Test
  void theHighestVersionIsTheTruthWhateverIsAppliedLate() {
    for (long seed = 0; seed < SEEDS; seed++) {
      play(seed, true);
    }
  }

  private static UpsertWorld play(long seed, boolean appliesLate) {
    try {
      UpsertWorld world = new UpsertWorld(seed, appliesLate);
      world.play();
      world.assertVersionsAreUnique();
      world.assertHighestVersionIsTheTruth();
      world.assertLogsAreInOrder();
      return world;
    } catch (AssertionError e) {
      throw new AssertionError("seed " + seed, e);
    }
  }
}
