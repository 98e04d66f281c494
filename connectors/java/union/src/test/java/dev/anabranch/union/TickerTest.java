package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // Closing it stops a thread that was never started.
class TickerTest {
  private static final long MS = 1_000_000L;

  @Test
  void nobodyIsLookedAtRightAfterTheProcessStoodStill() {
    try (Ticker ticker = new Ticker(() -> {}, 0)) {
      assertThat(ticker.beat(1000 * MS)).isTrue();
      assertThat(ticker.beat(2900 * MS)).isTrue();
      assertThat(ticker.beat(14_900 * MS)).as("after 12 s of nothing").isFalse();
      assertThat(ticker.beat(15_900 * MS)).isTrue();
    }
  }
}
