package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

@SuppressWarnings("try") // Closing it stops a thread that was never started.
class TickerTest {
  private static final long MS = 1_000_000L;

  @Test
  void nobodyIsLookedAtRightAfterTheProcessStoodStill() {
    try (Ticker ticker = new Ticker(stoodStill -> {}, 0)) {
      assertThat(ticker.stoodStill(1000 * MS)).isFalse();
      assertThat(ticker.stoodStill(2900 * MS)).isFalse();
      assertThat(ticker.stoodStill(14_900 * MS)).as("after 12 s of nothing").isTrue();
      assertThat(ticker.stoodStill(15_900 * MS)).isFalse();
    }
  }

  @Test
  void aMachineThatIsSlowForGoodIsLookedAtAllTheSame() {
    try (Ticker ticker = new Ticker(stoodStill -> {}, 0)) {
      assertThat(ticker.stoodStill(3000 * MS)).isTrue();
      assertThat(ticker.stoodStill(6000 * MS)).isFalse();
      assertThat(ticker.stoodStill(9000 * MS)).isTrue();
    }
  }
}
