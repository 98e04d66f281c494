package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.union.HandedOver.EndsSeen;
import java.time.Duration;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** For which splits a reader's watermark waits. */
class SplitWatchTest {
  private static final Duration IDLE = Duration.ofSeconds(10);
  private static final long SECOND = 1_000_000_000L;

  private final SplitState split = new SplitState(Views.split("A", "t1", 0, "a"));
  private final String id = split.splitId();
  private final SplitState other = new SplitState(Views.split("B", "t1", 0, "b"));
  private final Map<SplitWatch, LastAnswers> answers = new IdentityHashMap<>();
  private final List<SplitState> both = List.of(split, other);
  private Set<String> waitFor = Set.of("a");

  SplitWatchTest() {
    split.route("a");
    other.route("b");
  }

  private SplitWatch holding() {
    return watch(WatermarkMode.hold(Duration.ofHours(1)).withIdleTimeout(IDLE));
  }

  private SplitWatch advancing() {
    return watch(WatermarkMode.advance().withIdleTimeout(IDLE));
  }

  private SplitWatch watch(WatermarkMode mode) {
    LastAnswers last = new LastAnswers();
    SplitWatch watch = new SplitWatch(mode, last);
    answers.put(watch, last);
    return watch;
  }

  private void look(SplitWatch watch, long second) {
    look(watch, List.of(split), false, second);
  }

  /** Of a task that is not behind its queue. */
  private void look(SplitWatch watch, List<SplitState> splits, boolean held, long second) {
    watch.look(splits, waitFor, held, second * SECOND, second * SECOND);
  }

  /** As {@link PrimaryFetcher} tells of an answer, and a task that is not behind its queue. */
  private void heard(SplitWatch watch, String splitId, long end, long second) {
    told(watch, splitId, end, second);
    watch.heard(splitId, end, second * SECOND);
  }

  /** Beside the queue alone. */
  private void told(SplitWatch watch, String splitId, long end, long second) {
    EndsSeen.End seen = new EndsSeen.End(splitId, 0, end);
    answers.get(watch).note(new EndsSeen(List.of(seen), second * SECOND));
  }

  /** Looks once, with answers that the logs end there. */
  private void lookAtBoth(SplitWatch watch, long second, long end, long endOfOther) {
    heard(watch, id, end, second);
    heard(watch, other.splitId(), endOfOther, second);
    look(watch, both, false, second);
  }

  /** Looks each second, with answers that the log ends there. */
  private void answered(SplitWatch watch, long from, long to, long end) {
    for (long second = from; second <= to; second++) {
      heard(watch, id, end, second);
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
  void aTaskThatIsBehindItsQueueHoldsAsSoonAsAnAnswerLapses() {
    SplitWatch watch = holding();
    look(watch, 0);
    answered(watch, 1, 20, 0);
    assertThat(watch.recall(List.of(split), waitFor, 23 * SECOND)).isEmpty();
    assertThat(watch.recall(List.of(split), waitFor, 24 * SECOND)).containsExactly(id);
    assertThat(watch.mustWait(id)).isTrue();
    // What it comes to now was queued while the answer held.
    watch.look(List.of(split), waitFor, false, 21 * SECOND, 25 * SECOND);
    assertThat(watch.mustWait(id)).isTrue();
    told(watch, id, 0, 26);
    watch.look(List.of(split), waitFor, false, 22 * SECOND, 27 * SECOND);
    assertThat(watch.mustWait(id)).isFalse();
  }

  @Test
  void aTaskThatIsBehindItsQueueHoldsForRecordsThatItHasNotComeTo() {
    for (SplitWatch watch : List.of(holding(), advancing())) {
      look(watch, 0);
      answered(watch, 1, 20, 0);
      told(watch, id, 3, 21);
      assertThat(watch.recall(List.of(split), waitFor, 22 * SECOND)).containsExactly(id);
      watch.look(List.of(split), waitFor, false, 20 * SECOND, 22 * SECOND);
      assertThat(watch.mustWait(id)).isTrue();
    }
  }

  @Test
  void nobodyIsHeldForAPrimaryThatIsNotWaitedFor() {
    SplitWatch advancing = advancing();
    SplitWatch holding = holding();
    for (SplitWatch watch : List.of(advancing, holding)) {
      look(watch, 0);
      answered(watch, 1, 20, 0);
    }
    assertThat(advancing.recall(List.of(split), waitFor, 60 * SECOND)).isEmpty();
    assertThat(holding.recall(List.of(split), Set.of(), 60 * SECOND)).isEmpty();
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
    heard(watch, id, 0, 4);
    look(watch, 6);
    assertThat(watch.primaries()).containsEntry("a", Contact.UNHEARD);
  }

  @Test
  void withoutATimeoutASilentSplitIsAlwaysWaitedFor() {
    SplitWatch watch =
        watch(WatermarkMode.hold(Duration.ofHours(1)).withIdleTimeout(Duration.ZERO));
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
    SplitWatch watch = watch(mode);
    SplitWatch byRecordTime = watch(mode.byRecordTime());
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
    look(watch, both, false, 61);
    assertThat(watch.mustWait(id)).isFalse();
  }

  @Test
  void whileAPrimaryIsHeldForTheSplitThatIsAheadIsKeptByReadersWithoutThatPrimaryToo() {
    SplitWatch watch = holding();
    split.emitted(0, 0, 8_000);
    for (long second = 0; second <= 40; second++) {
      heard(watch, id, 1, second);
      look(watch, List.of(split), second <= 30, second);
      assertThat(watch.mustWait(id)).as("at %s s", second).isEqualTo(second <= 31);
    }
  }
}
