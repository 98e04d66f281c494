package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Which splits keep a bounded read from its end for too long, and whose fault it is not. */
class StallClockTest {
  private static final Duration DEADLINE = Duration.ofSeconds(10);

  private final StallClock clock = new StallClock(DEADLINE);
  private final SplitState split = split("a", 0);
  private final SplitState neighbour = split("a", 1);
  private final SplitState other = split("b", 0);
  private final List<SplitState> all = List.of(split, neighbour, other);
  private Set<String> down = Set.of();
  private long nowNanos;

  /** One that is being read, up to offset 100. */
  private static SplitState split(String primary, int partition) {
    SplitState split =
        new SplitState(UnionSplit.fresh(new LogId(primary, "t1", partition), primary, "t", 0, 100));
    split.parked("");
    return split;
  }

  private static void finish(SplitState split) {
    split.moveTo(100, UnionSplit.NO_EPOCH);
  }

  /** Lets that time pass at rest, with a look each second; returns what is overdue at its end. */
  private List<SplitState> rest(int seconds) {
    List<SplitState> overdue = look(0);
    for (int i = 0; i < seconds; i++) {
      overdue = look(1);
    }
    return overdue;
  }

  /** Looks again after that time. */
  private List<SplitState> look(int seconds) {
    nowNanos += Duration.ofSeconds(seconds).toNanos();
    return clock.overdue(all, down, nowNanos);
  }

  @Test
  void aLogThatMovesNoFurtherIsOverdueAfterTheDeadline() {
    finish(neighbour);
    finish(other);
    split.moveTo(7, 0);
    assertThat(rest(10)).isEmpty();
    assertThat(rest(1)).containsExactly(split);
  }

  @Test
  void eachStepOnBeginsTheTimeAnew() {
    finish(neighbour);
    finish(other);
    for (int offset = 0; offset < 5; offset++) {
      split.moveTo(offset, 0);
      assertThat(rest(9)).isEmpty();
    }
    // Back where the log was cut.
    split.moveTo(2, 0);
    assertThat(rest(9)).isEmpty();
    assertThat(rest(2)).containsExactly(split);
  }

  @Test
  void whatIsReadToItsEndOrGivenUpIsWaitedForNoLonger() {
    finish(split);
    finish(neighbour);
    other.parked("gone");
    other.abandon();
    down = Set.of("a", "b");
    assertThat(rest(60)).isEmpty();
  }

  @Test
  void aPrimaryThatIsDownOrALogThatIsParkedIsOverdueThoughOthersAreRead() {
    down = Set.of("b");
    neighbour.parked("records were lost");
    rest(0);
    for (int offset = 1; offset <= 10; offset++) {
      split.moveTo(offset, 0);
      assertThat(look(1)).isEmpty();
    }
    split.moveTo(11, 0);
    assertThat(look(1)).containsExactly(neighbour, other);
  }

  @Test
  void aPrimaryThatIsDownHoldsUpWhateverTheTaskDoes() {
    finish(split);
    finish(neighbour);
    down = Set.of("b");
    rest(0);
    assertThat(look(11)).containsExactly(other);
  }

  @Test
  void beingDownOnlyNowIsNoFaultOfTheTimeBefore() {
    finish(split);
    finish(neighbour);
    rest(0);
    down = Set.of("b");
    assertThat(look(1200)).isEmpty();
    assertThat(rest(10)).isEmpty();
    assertThat(rest(1)).containsExactly(other);
  }

  @Test
  void beingDownAgainIsNoFaultOfTheTimeInWhichRecordsCame() {
    finish(split);
    finish(neighbour);
    down = Set.of("b");
    rest(1);
    // It was back, and what it brought took the task twenty minutes.
    other.moveTo(50, 0);
    assertThat(look(1200)).isEmpty();
  }

  @Test
  void aPrimaryThatComesAndGoesWithoutAnyRecordIsOverdue() {
    finish(split);
    finish(neighbour);
    rest(0);
    for (int i = 0; i < 20; i++) {
      down = i % 2 == 0 ? Set.of("b") : Set.of();
      look(1);
    }
    assertThat(rest(1)).containsExactly(other);
  }

  @Test
  void timeInWhichTheTaskIsHeldUpDoesNotCount() {
    rest(0);
    // Held up for twenty minutes, four times: fetchers had no room for another poll.
    for (int i = 0; i < 4; i++) {
      assertThat(look(1200)).isEmpty();
    }
    assertThat(rest(3)).containsExactlyElementsOf(all);
  }

  @Test
  void aPausedLogIsHeldUpByAlignmentAndNotByItsPrimary() {
    finish(neighbour);
    finish(other);
    split.paused(true);
    assertThat(rest(60)).isEmpty();
    split.paused(false);
    assertThat(rest(10)).isEmpty();
    assertThat(rest(1)).containsExactly(split);

    split.paused(true);
    assertThat(rest(1)).isEmpty();
    down = Set.of("a");
    assertThat(rest(12)).containsExactly(split);
  }

  @Test
  void aLogIsNotOverdueWhileItsPrimaryBringsRecordsOfOthers() {
    finish(other);
    for (int offset = 0; offset < 60; offset++) {
      neighbour.moveTo(offset, 0);
      assertThat(rest(1)).isEmpty();
    }
    finish(neighbour);
    assertThat(rest(10)).isEmpty();
    assertThat(rest(1)).containsExactly(split);
  }

  @Test
  void anotherPrimarysRecordsAreNoExcuse() {
    finish(neighbour);
    rest(0);
    for (int offset = 1; offset <= 10; offset++) {
      other.moveTo(offset, 0);
      assertThat(look(1)).isEmpty();
    }
    other.moveTo(11, 0);
    assertThat(look(1)).containsExactly(split);
  }
}
