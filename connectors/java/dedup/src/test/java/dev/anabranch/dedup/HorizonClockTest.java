package dev.anabranch.dedup;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class HorizonClockTest {
  private static final long HORIZON_MS = 1_000;

  private final AtomicLong wallClock = new AtomicLong(10_000);
  private final HorizonClock clock = new HorizonClock(HORIZON_MS, wallClock::get);

  @Test
  void nothingIsLateBeforeTheFirstRecord() {
    assertThat(clock.isLate(Long.MIN_VALUE)).isFalse();
    assertThat(clock.isLate(0)).isFalse();
  }

  @Test
  void lineFollowsTheNewestRecordAndNeverTurnsBack() {
    assertThat(clock.observe(5_000)).isTrue();
    assertThat(clock.isLate(4_000)).isFalse();
    assertThat(clock.isLate(3_999)).isTrue();
    assertThat(clock.observe(4_500)).isFalse();
    assertThat(clock.lineMs()).isEqualTo(4_000);
  }

  @Test
  void timeThatPassesWithoutRecordsChangesNothing() {
    clock.observe(5_000);
    wallClock.set(Long.MAX_VALUE);
    assertThat(clock.observe(4_000)).isFalse();
    assertThat(clock.lineMs()).isEqualTo(4_000);
  }

  @Test
  void recordFromTheFutureCountsAsNow() {
    clock.observe(Long.MAX_VALUE);
    assertThat(clock.newestMs()).isEqualTo(10_000);
    wallClock.set(12_000);
    clock.observe(11_500);
    assertThat(clock.newestMs()).isEqualTo(11_500);
  }

  @Test
  void greatestOfWhatWasKnownCountsAfterARestart() {
    clock.restore(5_000, 4_200);
    clock.restore(3_000, 2_000);
    assertThat(clock.isLate(4_199)).isTrue();
    clock.observe(5_100);
    assertThat(clock.lineMs()).as("a longer horizon now").isEqualTo(4_200);
  }

  @Test
  void firstRecordAtTheLeastTimeDoesNotOverflow() {
    assertThat(clock.observe(Long.MIN_VALUE + 1)).isFalse();
    assertThat(clock.isLate(0)).isFalse();
  }
}
