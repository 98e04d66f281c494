package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** For whom a watermark that advances waits before it does so. */
class FirstSightTest {
  private final FirstSight sight = new FirstSight(Duration.ofSeconds(10));

  private Set<String> held(String... pending) {
    return sight.event(Set.of(pending)).held();
  }

  @Test
  void aPrimaryIsWaitedForUntilItHasShownItsLogsAndReadersHaveThem() {
    sight.follow(Views.of(1, "a", "b"));
    assertThat(held()).containsExactlyInAnyOrder("a", "b");
    sight.discovered("a");
    assertThat(held("a")).containsExactlyInAnyOrder("a", "b");
    assertThat(held()).containsExactly("b");
    sight.discovered("b");
    assertThat(held()).isEmpty();
    assertThat(sight.event(Set.of()).waitFor()).isEmpty();
  }

  @Test
  void oneThatIsDownIsWaitedForDuringTheTimeout() {
    sight.follow(Views.of(1, "a", "b"));
    sight.discovered("a");
    sight.elapsed(Duration.ofSeconds(9));
    assertThat(held()).containsExactly("b");
    sight.elapsed(Duration.ofSeconds(1));
    assertThat(held()).isEmpty();
  }

  @Test
  void oneThatIsAddedHasATimeoutOfItsOwnAndOneThatIsRemovedNone() {
    sight.follow(Views.of(1, "a", "b"));
    sight.elapsed(Duration.ofSeconds(9));
    sight.follow(Views.of(2, "a", "c"));
    assertThat(held()).containsExactlyInAnyOrder("a", "c");
    sight.elapsed(Duration.ofSeconds(9));
    assertThat(held()).containsExactly("c");
    sight.follow(Views.of(3, "a", "b", "c"));
    assertThat(held()).containsExactlyInAnyOrder("b", "c");
  }

  @Test
  void whoWasSeenOnceIsNotWaitedForAgainWithTheNextDocument() {
    sight.follow(Views.of(1, "a"));
    sight.discovered("a");
    sight.follow(Views.of(2, "a"));
    assertThat(held()).isEmpty();
  }

  @Test
  void aTimeoutOfZeroWaitsForEver() {
    FirstSight endless = new FirstSight(Duration.ZERO);
    endless.follow(Views.of(1, "a"));
    endless.elapsed(Duration.ofDays(1));
    assertThat(endless.event(Set.of()).held()).containsExactly("a");
  }
}
