package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** For which splits a reader's watermark waits. */
class SplitWatchTest {
  private static final Duration IDLE = Duration.ofSeconds(10);
  private static final long SECOND = 1_000_000_000L;

  private final SplitState split = new SplitState(Views.split("A", "t1", 0, "a"));
  private final String id = split.splitId();
  private final SplitState other = new SplitState(Views.split("B", "t1", 0, "b"));
  private final List<SplitState> both = List.of(split, other);
  private Set<String> waitFor = Set.of("a");

  SplitWatchTest() {
    split.route("a");
    other.route("b");
  }

  private static SplitWatch holding() {
    return new SplitWatch(WatermarkMode.hold(Duration.ofHours(1)).withIdleTimeout(IDLE));
  }

  private static SplitWatch advancing() {
    return new SplitWatch(WatermarkMode.advance().withIdleTimeout(IDLE));
  }

  private void look(SplitWatch watch, long second) {
    watch.look(List.of(split), waitFor, false, second * SECOND);
  }

  /** Looks once, with answers that the logs end there. */
  private void lookAtBoth(SplitWatch watch, long second, long end, long endOfOther) {
    watch.heard(id, end, second * SECOND);
    watch.heard(other.splitId(), endOfOther, second * SECOND);
    watch.look(both, waitFor, false, second * SECOND);
  }

  /** Looks each second, with answers that the log ends there. */
  private void answered(SplitWatch watch, long from, long to, long end) {
    for (long second = from; second <= to; second++) {
      watch.heard(id, end, second * SECOND);
      look(watch, second);
    }
  }

  @Test
  void aSilentSplitIsPassedOverOnlyWhileItsPrimarySaysThatNothingWaits() {
    for (SplitWatch watch : List.of(holding(), advancing())) {
      look(watch, 0);
      answered(watch, 1, 9, 0);
      assertThat(watch.mustWait(id)).isTrue();
      answered(watch, 10, 10, 0);
      assertThat(watch.mustWait(id)).isFalse();
      assertThat(watch.primaries()).containsEntry("a", Contact.CURRENT);
    }
  }

  @Test
  void anAnswerSaysNothingOfWhatWasWrittenAfterTheQuestion() {
    for (SplitWatch watch : List.of(holding(), advancing())) {
      look(watch, 0);
      answered(watch, 1, 9, 0);
      // Written since, and the answers that would tell of it are late.
      look(watch, 11);
      assertThat(watch.mustWait(id)).isTrue();
      answered(watch, 12, 12, 5);
      assertThat(watch.mustWait(id)).isTrue();
    }
  }

  @Test
  void aSplitWithUnreadRecordsIsWaitedForHoweverLong() {
    for (SplitWatch watch : List.of(holding(), advancing())) {
      look(watch, 0);
      answered(watch, 1, 60, 5);
      assertThat(watch.mustWait(id)).isTrue();
      assertThat(watch.primaries()).containsEntry("a", Contact.BEHIND);
    }
  }

  @Test
  void anAnswerHoldsForItsLeaseAndThenASilentSplitIsWaitedForAgain() {
    SplitWatch watch = holding();
    look(watch, 0);
    answered(watch, 1, 20, 0);
    assertThat(watch.mustWait(id)).isFalse();
    look(watch, 23);
    assertThat(watch.mustWait(id)).isFalse();
    look(watch, 24);
    assertThat(watch.mustWait(id)).isTrue();
    assertThat(watch.primaries()).containsEntry("a", Contact.LOST);
  }

  @Test
  void aDeadPrimaryIsPassedOverOnceItIsGivenUpOrNoLongerActive() {
    SplitWatch watch = holding();
    look(watch, 0);
    look(watch, 600);
    assertThat(watch.mustWait(id)).isTrue();
    waitFor = Set.of();
    look(watch, 601);
    assertThat(watch.mustWait(id)).isFalse();
  }

  @Test
  void advanceGoesOnWithoutADeadPrimaryAfterTheTimeout() {
    SplitWatch watch = advancing();
    look(watch, 0);
    look(watch, 9);
    assertThat(watch.mustWait(id)).isTrue();
    look(watch, 10);
    assertThat(watch.mustWait(id)).isFalse();
  }

  @Test
  void recordsEndASilenceAtOnce() {
    SplitWatch watch = holding();
    look(watch, 0);
    answered(watch, 1, 20, 0);
    watch.moved(id);
    assertThat(watch.mustWait(id)).isTrue();
    split.emitted(0, 0, -1);
    answered(watch, 21, 30, 1);
    assertThat(watch.mustWait(id)).isTrue();
    answered(watch, 31, 31, 1);
    assertThat(watch.mustWait(id)).isFalse();
  }

  @Test
  void whoComesBackIsCurrentOnceWhatItHadThenIsRead() {
    SplitWatch watch = holding();
    look(watch, 0);
    assertThat(watch.primaries()).containsEntry("a", Contact.UNHEARD);
    look(watch, 4);
    assertThat(watch.primaries()).containsEntry("a", Contact.LOST);
    answered(watch, 5, 5, 7);
    assertThat(watch.primaries()).containsEntry("a", Contact.BEHIND);
    split.emitted(5, 0, -1);
    answered(watch, 6, 6, 100);
    assertThat(watch.primaries()).containsEntry("a", Contact.BEHIND);
    split.emitted(6, 0, -1);
    answered(watch, 7, 7, 200);
    assertThat(watch.primaries()).containsEntry("a", Contact.CURRENT);
  }

  @Test
  void anAnswerToAQuestionFromBeforeSaysNothing() {
    SplitWatch watch = holding();
    look(watch, 5);
    watch.heard(id, 0, 4 * SECOND);
    look(watch, 6);
    assertThat(watch.primaries()).containsEntry("a", Contact.UNHEARD);
  }

  @Test
  void withoutATimeoutASilentSplitIsAlwaysWaitedFor() {
    SplitWatch watch =
        new SplitWatch(WatermarkMode.hold(Duration.ofHours(1)).withIdleTimeout(Duration.ZERO));
    look(watch, 0);
    answered(watch, 1, 100, 0);
    assertThat(watch.mustWait(id)).isTrue();
  }

  @Test
  void theSplitThatIsAheadIsKeptUntilNobodyIsWaitedForAndItsWordIsHeard() {
    SplitWatch watch = holding();
    split.emitted(0, 0, 8_000);
    other.emitted(0, 0, 3_000);
    // The one that is ahead falls silent first.
    for (long second = 0; second <= 20; second++) {
      lookAtBoth(watch, second, 1, second < 6 ? 2 : 1);
      assertThat(watch.mustWait(other.splitId())).isEqualTo(second < 10);
      assertThat(watch.mustWait(id)).as("at %s s", second).isEqualTo(second < 11);
    }
  }

  @Test
  void whereEventTimeMayBeAnotherTheSplitThatIsAheadIsNotKeptForEver() {
    WatermarkMode mode = WatermarkMode.advance().withIdleTimeout(IDLE);
    SplitWatch watch = new SplitWatch(mode);
    SplitWatch byRecordTime = new SplitWatch(mode.byRecordTime());
    split.emitted(0, 0, 3_600_000);
    for (long second = 0; second <= 60; second++) {
      other.emitted(second, 0, second * 1_000);
      for (SplitWatch each : List.of(watch, byRecordTime)) {
        lookAtBoth(each, second, 1, second + 2);
      }
      assertThat(watch.mustWait(id)).as("at %s s", second).isEqualTo(second < 40);
      assertThat(byRecordTime.mustWait(id)).isTrue();
    }
  }

  @Test
  void howFarASplitIsShowsItsHighestRecordNotItsLast() {
    SplitWatch watch = holding();
    split.emitted(0, 0, 8_000);
    split.emitted(1, 0, 1_000);
    other.emitted(0, 0, 3_000);
    for (long second = 0; second <= 15; second++) {
      lookAtBoth(watch, second, 2, 2);
    }
    assertThat(watch.mustWait(id)).isTrue();
  }

  @Test
  void whoIsOvertakenIsPassedOverAndNotKeptAgain() {
    SplitWatch watch = holding();
    split.emitted(0, 0, 8_100);
    for (long second = 0; second <= 60; second++) {
      other.emitted(second, 0, second * 500);
      lookAtBoth(watch, second, 1, second + 2);
      assertThat(watch.mustWait(other.splitId())).isTrue();
      assertThat(watch.mustWait(id)).as("at %s s", second).isEqualTo(second <= 16);
    }
    // It is ahead again in name only: its output is gone.
    other.emitted(61, 0, 0);
    watch.look(both, waitFor, false, 61 * SECOND);
    assertThat(watch.mustWait(id)).isFalse();
  }

  @Test
  void whileAPrimaryIsHeldForTheSplitThatIsAheadIsKeptByReadersWithoutThatPrimaryToo() {
    SplitWatch watch = holding();
    split.emitted(0, 0, 8_000);
    for (long second = 0; second <= 40; second++) {
      watch.heard(id, 1, second * SECOND);
      boolean held = second <= 30;
      watch.look(List.of(split), waitFor, held, second * SECOND);
      assertThat(watch.mustWait(id)).as("at %s s", second).isEqualTo(second <= 31);
    }
  }
}
