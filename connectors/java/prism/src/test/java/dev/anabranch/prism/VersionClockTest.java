package dev.anabranch.prism;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class VersionClockTest {
  private static final long START_MS = 1_700_000_000_000L;
  private long nowMs = START_MS;

  private VersionClock start(VersionFloor... restored) {
    return new VersionClock(() -> nowMs, List.of(restored));
  }

  /** Of so many values, the last. */
  private static long lastOf(VersionClock clock, int count) {
    long last = 0;
    for (int i = 0; i < count; i++) {
      last = clock.next();
    }
    return last;
  }

  @Test
  void growsWhileTheWallClockStandsOrGoesBack() {
    VersionClock clock = start();
    long last = 0;
    Random random = new Random(7);
    for (int i = 0; i < 100_000; i++) {
      nowMs += random.nextInt(5) - 2;
      long next = clock.next();
      // The version between belongs to a replay.
      assertThat(next).isGreaterThan(last + 1);
      last = next;
    }
  }

  @Test
  void followsTheWallClockOnceThatHasCaughtUp() {
    VersionClock clock = start();
    clock.next();
    nowMs += 10 * VersionClock.ALLOWANCE_MS;
    assertThat(clock.next() >>> 16).isEqualTo(nowMs);
  }

  @Test
  void aRestoreGoesOnAboveAllThatWasGivenSinceTheCheckpoint() {
    VersionClock before = start();
    before.next();
    VersionFloor floor = before.reserve();
    nowMs += 30_000;
    long last = lastOf(before, 1_000_000);
    nowMs += 1;
    assertThat(start(floor).next()).isGreaterThan(last);
  }

  @Test
  void aRestoreOntoAMachineWhoseClockIsBehindIsAboveTheReservedTime() {
    VersionClock before = start();
    VersionFloor floor = before.reserve();
    nowMs += VersionClock.ALLOWANCE_MS - 1;
    long last = before.next();
    nowMs = START_MS - 3_600_000;
    assertThat(start(floor).next()).isGreaterThan(last);
  }

  @Test
  void nothingIsGivenAboveTheReservedTimeHoweverLateTheNextCheckpoint() {
    VersionClock clock = start();
    VersionFloor floor = clock.reserve();
    nowMs += 100 * VersionClock.ALLOWANCE_MS;
    long last = lastOf(clock, 1_000_000);
    assertThat(last).isLessThanOrEqualTo(floor.ceiling());
    VersionFloor later = clock.reserve();
    nowMs += 1;
    assertThat(clock.next() >>> 16).isEqualTo(nowMs);
    assertThat(clock.next()).isLessThanOrEqualTo(later.ceiling());
  }

  @Test
  void norAsTheWallClockPassesTheReservedTime() {
    VersionClock clock = start();
    nowMs += VersionClock.ALLOWANCE_MS;
    VersionFloor floor = clock.reserve();
    long last = 0;
    for (int i = 0; i < 2 * VersionClock.RESERVED_MS; i++) {
      nowMs++;
      for (int each = 0; each < 100; each++) {
        last = clock.next();
      }
    }
    assertThat(last).isLessThanOrEqualTo(floor.ceiling());
  }

  @Test
  void aStartWithoutStateIsAboveARunThatHadBeenRestored() {
    VersionClock first = start();
    first.next();
    nowMs += 20_000;
    VersionFloor floor = first.reserve();
    nowMs += 5_000;
    VersionClock restored = start(floor);
    nowMs += 10_000;
    floor = restored.reserve();
    nowMs += 1_000;
    VersionClock restoredAgain = start(floor);
    long last = lastOf(restoredAgain, 1_000_000);
    nowMs += 5_000;
    assertThat(start().next()).isGreaterThan(last);
  }

  @Test
  void twoRestoresOfOneCheckpointDoNotRepeat() {
    VersionClock first = start();
    nowMs += 1_000;
    VersionFloor floor = first.reserve();
    nowMs += 2_000;
    VersionClock second = start(floor);
    long last = lastOf(second, 100_000);
    nowMs += 2_000;
    assertThat(start(floor).next()).isGreaterThan(last);
  }

  @Test
  void twoRestoresWhereTheClockIsBehindTheCheckpointsDoNotRepeat() {
    VersionFloor floor = start().reserve();
    nowMs -= VersionClock.ALLOWANCE_MS / 2;
    VersionClock second = start(floor);
    long last = lastOf(second, 100_000);
    nowMs += 2_000;
    assertThat(start(floor).next()).isGreaterThan(last);
  }

  @Test
  void anOldCheckpointRestoredSoonAfterManyRestartsIsStillAbove() {
    VersionFloor old = start().reserve();
    VersionClock clock = start(old);
    long last = 0;
    for (int restart = 0; restart < 20; restart++) {
      nowMs += 120_000;
      VersionFloor floor = clock.reserve();
      nowMs += 5_000;
      clock = start(floor);
      last = clock.next();
    }
    nowMs += 5_000;
    assertThat(start(old).next()).isGreaterThan(last);
  }

  @Test
  void aWriterOfALargerJobIsAboveItsNeighbours() {
    // Two writers, restarted in quick succession, so that they are ahead of the wall clock.
    VersionClock one = start();
    VersionClock two = start();
    for (int restart = 0; restart < 5; restart++) {
      nowMs += 1_000;
      VersionFloor ofOne = one.reserve();
      nowMs += 20;
      VersionFloor ofTwo = two.reserve();
      nowMs += 3_000;
      one = start(ofOne);
      two = start(ofTwo);
    }
    nowMs += 1_000;
    VersionFloor ofOne = one.reserve();
    long lastOfTwo = two.next();
    nowMs += 3_000;
    assertThat(start(ofOne).next()).isGreaterThan(lastOfTwo);
  }

  @Test
  void stateSurvivesItsSerializer() throws Exception {
    VersionFloorSerializer serializer = new VersionFloorSerializer();
    VersionFloor floor = new VersionFloor(Long.MAX_VALUE - 1, START_MS);
    assertThat(serializer.deserialize(serializer.getVersion(), serializer.serialize(floor)))
        .isEqualTo(floor);
  }
}
