package dev.anabranch.union;

import static dev.anabranch.union.Views.shown;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which logs are new, how they start, which are held back, which clusters are gone. */
class LogLedgerTest {
  private static final PerPrimary<StartPosition> LATEST = PerPrimary.all(StartPosition.latest());

  private static LogLedger ledger(OutOfRangePolicy policy, String... primaries) {
    LogLedger ledger = new LogLedger(LATEST, policy, 1000);
    ledger.follow(Views.of(1, primaries));
    return ledger;
  }

  /** Observes, resolves all that is new at offset 5, and returns it. */
  private static Lookup admit(LogLedger ledger, String primary, PrimaryView shown) {
    Lookup lookup = ledger.observe(primary, shown);
    Map<LogId, Lookup.Bounds> bounds = new HashMap<>();
    lookup.logs().forEach(log -> bounds.put(log, new Lookup.Bounds(5, UnionSplit.NO_STOP)));
    if (ledger.heldBack(primary, shown) == null) {
      ledger.resolved(primary, "t", lookup, bounds);
    }
    return lookup;
  }

  /** Observes, and resolves at offset 5 those of what is new that have answered. */
  private static void admitOf(
      LogLedger ledger, String primary, PrimaryView shown, Integer... answering) {
    Lookup lookup = ledger.observe(primary, shown);
    Map<LogId, Lookup.Bounds> bounds = new HashMap<>();
    lookup.logs().stream()
        .filter(log -> List.of(answering).contains(log.partition()))
        .forEach(log -> bounds.put(log, new Lookup.Bounds(5, UnionSplit.NO_STOP)));
    assertThat(bounds).hasSize(answering.length);
    ledger.resolved(primary, "t", lookup, bounds);
  }

  /** Where all logs of a lookup begin. */
  private static StartPosition start(Lookup lookup) {
    Set<StartPosition> starts = Set.copyOf(lookup.starts().values());
    assertThat(starts).hasSize(1);
    return starts.iterator().next();
  }

  private static LogLedger restored(LogLedger ledger, OutOfRangePolicy policy) throws Exception {
    UnionEnumeratorStateSerializer serializer = new UnionEnumeratorStateSerializer();
    byte[] bytes = serializer.serialize(ledger.snapshot());
    return new LogLedger(LATEST, policy, serializer.deserialize(serializer.getVersion(), bytes));
  }

  @Test
  void theStartPositionIsForTheFirstDocumentsPrimariesOnly() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a");
    assertThat(start(admit(ledger, "a", shown("A", "t1", 2)))).isEqualTo(StartPosition.latest());
    assertThat(start(admit(ledger, "a", shown("A", "t1", 3)))).isEqualTo(StartPosition.earliest());

    ledger.follow(Views.of(2, "a", "b"));
    Lookup onB = admit(ledger, "b", shown("B", "t1", 1));
    assertThat(start(onB)).isEqualTo(StartPosition.earliest());
    assertThat(onB.logs()).containsExactly(new LogId("B", "t1", 0));
    assertThat(ledger.pending()).hasSize(4);
  }

  @Test
  void aPrimarysOwnStartPositionIsForTheFirstDocumentToo() throws Exception {
    PerPrimary<StartPosition> start =
        new PerPrimary<>(
            StartPosition.latest(),
            Map.of(
                "b", StartPosition.timestamp(77),
                "c", StartPosition.timestamp(88)));
    LogLedger ledger = new LogLedger(start, OutOfRangePolicy.RESET, 1000);
    ledger.follow(Views.of(1, "a", "b"));
    assertThat(start(admit(ledger, "a", shown("A", "t1", 1)))).isEqualTo(StartPosition.latest());

    // Asked for again after a restore: settings are the job's, who is awaited the checkpoint's.
    UnionEnumeratorStateSerializer serializer = new UnionEnumeratorStateSerializer();
    byte[] state = serializer.serialize(ledger.snapshot());
    LogLedger later =
        new LogLedger(
            start, OutOfRangePolicy.RESET, serializer.deserialize(serializer.getVersion(), state));
    for (LogLedger each : List.of(ledger, later)) {
      each.follow(Views.of(2, "a", "b", "c"));
      assertThat(start(admit(each, "b", shown("B", "t1", 1))))
          .isEqualTo(StartPosition.timestamp(77));
      assertThat(start(admit(each, "b", shown("B", "t1", 2)))).isEqualTo(StartPosition.earliest());
      assertThat(start(admit(each, "c", shown("C", "t1", 1)))).isEqualTo(StartPosition.earliest());
    }
  }

  @Test
  void aPrimaryThatWasDownAtTheStartIsLookedUpByTheStartTime() throws Exception {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b");
    ledger.failed("b");
    assertThat(admit(ledger, "a", shown("A", "t1", 1)).exactEnd()).isTrue();
    LogLedger later = restored(ledger, OutOfRangePolicy.RESET);
    assertThat(later.awaited()).containsExactly("b");
    assertThat(later.jobStartMs()).isEqualTo(1000);

    Lookup late = admit(later, "b", shown("B", "t1", 1));
    assertThat(start(late)).isEqualTo(StartPosition.latest());
    assertThat(late.exactEnd()).isFalse();
    assertThat(admit(ledger, "b", shown("B", "t1", 1)).exactEnd()).isFalse();
  }

  @Test
  void anAddressThatIsCorrectedBeforeAnyAttemptFailedIsLookedUpByTheStartTimeToo() {
    LogLedger ledger = new LogLedger(LATEST, OutOfRangePolicy.RESET, 1000);
    ledger.follow(Views.at(1, Map.of("a", "wrong:9092")));
    ledger.follow(Views.at(2, Map.of("a", "right:9092")));
    Lookup lookup = admit(ledger, "a", shown("A", "t1", 1));
    assertThat(start(lookup)).isEqualTo(StartPosition.latest());
    assertThat(lookup.exactEnd()).isFalse();
  }

  @Test
  void aTopicThatIsMissingAtFirstStartsAtEarliestWhenItAppears() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a");
    ledger.observe("a", new PrimaryView("A", "t", null, Set.of()));
    assertThat(ledger.awaited()).isEmpty();
    assertThat(start(admit(ledger, "a", shown("A", "t1", 1)))).isEqualTo(StartPosition.earliest());
  }

  @Test
  void aReadThatEndsWaitsForATopicThatIsMissingAtFirstAndStartsWhereItWouldHaveStarted() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a").awaitingTopics();
    ledger.observe("a", new PrimaryView("A", "t", null, Set.of()));
    assertThat(ledger.awaited()).containsExactly("a");
    Lookup lookup = admit(ledger, "a", shown("A", "t1", 1));
    assertThat(start(lookup)).isEqualTo(StartPosition.latest());
    assertThat(lookup.exactEnd()).as("not what was written meanwhile").isFalse();
    assertThat(ledger.awaited()).isEmpty();
  }

  @Test
  void anAbsentPrimaryIsNotForgotten() throws Exception {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b");
    admit(ledger, "a", shown("A", "t1", 1));
    admit(ledger, "b", shown("B", "t1", 1));
    ledger.follow(Views.of(2, "a"));
    LogLedger later = restored(ledger, OutOfRangePolicy.RESET);
    later.follow(Views.of(3, "a", "b"));
    assertThat(admit(later, "b", shown("B", "t1", 1)).logs()).isEmpty();
    assertThat(later.gone()).isEmpty();
  }

  @Test
  void aRenamedPrimaryBringsNothingNew() {
    LogLedger ledger = ledger(OutOfRangePolicy.PARK, "a");
    admit(ledger, "a", shown("A", "t1", 2));
    ledger.follow(Views.at(2, Map.of("[a]", "a:9092", "z", "a:9092")));
    assertThat(admit(ledger, "z", shown("A", "t1", 2)).logs()).isEmpty();
    assertThat(ledger.gone()).isEmpty();
  }

  @Test
  void swappedAddressesLoseNothingWhileOneHalfIsUnknown() {
    LogLedger ledger = ledger(OutOfRangePolicy.PARK, "a", "b");
    admit(ledger, "a", shown("A", "t1", 1));
    admit(ledger, "b", shown("B", "t1", 1));
    ledger.follow(Views.at(2, Map.of("a", "b:9092", "b", "a:9092")));
    assertThat(admit(ledger, "a", shown("B", "t1", 1)).logs()).isEmpty();
    assertThat(ledger.gone()).isEmpty();
    assertThat(admit(ledger, "b", shown("A", "t1", 1)).logs()).isEmpty();
    assertThat(ledger.gone()).isEmpty();
  }

  @Test
  void aWipedClusterIsGoneAndItsSuccessorIsReadFromTheStartUnderReset() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b");
    admit(ledger, "a", shown("A", "t1", 1));
    Lookup lookup = admit(ledger, "a", shown("A2", "t2", 1));
    assertThat(start(lookup)).isEqualTo(StartPosition.earliest());
    assertThat(lookup.logs()).containsExactly(new LogId("A2", "t2", 0));
    assertThat(ledger.gone()).containsExactly("A");
  }

  @ParameterizedTest
  @EnumSource(
      value = OutOfRangePolicy.class,
      names = {"PARK", "FAIL"})
  void successorsAreHeldBackUntilAnotherPolicyAdmitsThem(OutOfRangePolicy policy) throws Exception {
    LogLedger ledger = ledger(policy, "a", "b");
    admit(ledger, "a", shown("A", "t1", 1));
    admit(ledger, "b", shown("B", "t1", 1));
    assertThat(admit(ledger, "a", shown("A2", "t2", 1)).logs()).isEmpty();
    assertThat(admit(ledger, "b", shown("B", "t9", 1)).logs()).isEmpty();
    assertThat(ledger.gone()).containsExactly("A");
    assertThat(admit(ledger, "a", shown("A2", "t2", 1)).logs()).isEmpty();

    LogLedger freed = restored(ledger, OutOfRangePolicy.RESET);
    assertThat(admit(freed, "a", shown("A2", "t2", 1)).logs())
        .containsExactly(new LogId("A2", "t2", 0));
    assertThat(admit(freed, "b", shown("B", "t9", 1)).logs())
        .containsExactly(new LogId("B", "t9", 0));
  }

  @Test
  void aClusterThatMovedAwayIsNotGoneUntilEveryPrimaryHasBeenAsked() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b");
    admit(ledger, "a", shown("A", "t1", 1));
    ledger.follow(Views.at(2, Map.of("a", "new:9092", "b", "b:9092")));
    admit(ledger, "a", shown("N", "t1", 1));
    assertThat(ledger.gone()).isEmpty();
    admit(ledger, "b", shown("B", "t1", 1));
    assertThat(ledger.gone()).containsExactly("A");
  }

  @Test
  void aClusterThatHadTwoNamesIsNotGoneWhileOneOfThemShowsIt() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b");
    admit(ledger, "a", shown("A", "t1", 1));
    admit(ledger, "b", shown("A", "t1", 1));
    // Another cluster answers at b's address.
    admit(ledger, "b", shown("B", "t1", 1));
    assertThat(ledger.gone()).isEmpty();
    admit(ledger, "a", shown("C", "t1", 1));
    assertThat(ledger.gone()).containsExactly("A");
  }

  /**
   * What it showed at another address, or of another topic, says nothing of what is read there now.
   */
  @Test
  void theTopicThatAPrimaryShowsIsForgottenWithItsAddressAndItsName() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b", "c");
    admit(ledger, "a", shown("A", "t1", 1));
    admit(ledger, "b", shown("B", "t1", 1));
    admit(ledger, "c", shown("C", "t1", 1));
    assertThat(ledger.topics()).isEqualTo(Map.of("a", "t1", "b", "t1", "c", "t1"));
    ledger.observe("a", new PrimaryView("A", "t", null, Set.of()));
    ledger.follow(Views.at(2, Map.of("a", "a:9092", "b", "new:9092", "c", "c:9092")));
    assertThat(ledger.topics()).isEqualTo(Map.of("c", "t1"));
    StreamView view = ledger.view();
    ledger.follow(new StreamView(3, "other", view.spec(), view.primaries()));
    assertThat(ledger.topics()).isEmpty();
  }

  @Test
  void ofTwoNamesForOneClusterTheLaterIsTold() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b", "c");
    admit(ledger, "c", shown("B", "t1", 2));
    admit(ledger, "a", shown("A", "t1", 2));
    assertThat(admit(ledger, "b", shown("B", "t1", 2)).logs()).as("known by c's name").isEmpty();
    assertThat(ledger.twin("a", shown("A", "t1", 2))).isNull();
    assertThat(ledger.twin("b", shown("B", "t1", 2))).isNull();
    assertThat(ledger.twin("c", shown("B", "t1", 2))).isEqualTo("b");
  }

  @Test
  void returnedSplitsWaitAgain() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a");
    admit(ledger, "a", shown("A", "t1", 1));
    UnionSplit split = ledger.pending().get(0);
    assertThat(split.nextOffset()).isEqualTo(5);
    ledger.assigned(split);
    assertThat(ledger.pending()).isEmpty();
    ledger.returned(List.of(split));
    assertThat(ledger.pending()).containsExactly(split);
  }

  @Test
  void splitsWithoutAReaderWaitOnAfterARestore() throws Exception {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a");
    admit(ledger, "a", shown("A", "t1", 3));
    List<UnionSplit> waiting = ledger.pending();
    ledger.assigned(waiting.get(0));
    LogLedger later = restored(ledger, OutOfRangePolicy.RESET);
    assertThat(later.pending()).containsExactlyInAnyOrderElementsOf(waiting.subList(1, 3));
    assertThat(admit(later, "a", shown("A", "t1", 3)).logs()).isEmpty();
  }

  @Test
  void aTopicThatIsCreatedAgainReplacesItsLogsAndNobodyElses() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b");
    admit(ledger, "a", shown("A", "t1", 2));
    admit(ledger, "b", shown("B", "t1", 1));
    List<UnionSplit> former = ledger.pending();
    former.forEach(ledger::assigned);
    admit(ledger, "a", shown("A", "t2", 1));
    assertThat(ledger.replacedBy(ledger.pending())).containsExactlyInAnyOrder("A/t1/0", "A/t1/1");
    ledger.returned(former);
    assertThat(ledger.replacedBy(ledger.pending()))
        .as("not the successor of one that comes back")
        .containsExactlyInAnyOrder("A/t1/0", "A/t1/1");
    former.forEach(ledger::assigned);
    assertThat(ledger.pending())
        .extracting(UnionSplit::formerTopicIds)
        .containsExactly(Set.of("t1"));
    ledger.pending().forEach(ledger::assigned);
    admit(ledger, "a", shown("A", "t3", 1));
    assertThat(ledger.pending())
        .extracting(UnionSplit::formerTopicIds)
        .containsExactly(Set.of("t1", "t2"));
  }

  @Test
  void aLogThatDoesNotAnswerHoldsUpNoOtherAndKeepsItsStartPosition() throws Exception {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a");
    admitOf(ledger, "a", shown("A", "t1", 2), 0);
    assertThat(ledger.pending()).extracting(UnionSplit::splitId).containsExactly("A/t1/0");
    assertThat(ledger.awaited()).containsExactly("a");
    admitOf(ledger, "a", shown("A", "t1", 2));
    assertThat(ledger.late()).containsExactly("a");

    for (LogLedger each : List.of(restored(ledger, OutOfRangePolicy.RESET), ledger)) {
      Lookup lookup = each.observe("a", shown("A", "t1", 3));
      // Partition 2 has come since.
      assertThat(lookup.starts())
          .isEqualTo(
              Map.of(
                  new LogId("A", "t1", 1), StartPosition.latest(),
                  new LogId("A", "t1", 2), StartPosition.earliest()));
      assertThat(lookup.exactEnd()).as("its end now is not that at the start").isFalse();
      admitOf(each, "a", shown("A", "t1", 3), 1);
      assertThat(each.awaited()).as("what came since is not waited for").isEmpty();
      assertThat(each.late()).isEmpty();
      assertThat(start(admit(each, "a", shown("A", "t1", 3)))).isEqualTo(StartPosition.earliest());
      assertThat(each.pending()).hasSize(3);
    }
  }

  @Test
  void whereNoLogAnswersAtFirstTheStartTimeDecidesLater() throws Exception {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a");
    assertThat(ledger.observe("a", shown("A", "t1", 1)).exactEnd()).isTrue();
    admitOf(ledger, "a", shown("A", "t1", 1));
    assertThat(ledger.awaited()).containsExactly("a");
    for (LogLedger each : List.of(restored(ledger, OutOfRangePolicy.RESET), ledger)) {
      Lookup lookup = admit(each, "a", shown("A", "t1", 1));
      assertThat(start(lookup)).isEqualTo(StartPosition.latest());
      assertThat(lookup.exactEnd()).isFalse();
      assertThat(each.awaited()).isEmpty();
      assertThat(each.pending()).hasSize(1);
    }
  }

  @Test
  void theStartPositionIsNotForTheSuccessorOfAClusterOfWhichALogDidNotAnswer() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a");
    admitOf(ledger, "a", shown("A", "t1", 2));
    assertThat(start(admit(ledger, "a", shown("A2", "t2", 1)))).isEqualTo(StartPosition.earliest());
    assertThat(ledger.awaited()).as("nobody can wait for what is gone").isEmpty();

    Lookup back = admit(ledger, "a", shown("A", "t1", 2));
    assertThat(start(back)).isEqualTo(StartPosition.latest());
    assertThat(back.exactEnd()).isFalse();
  }

  @Test
  void aLogThatDidNotAnswerBeginsAlikeUnderWhateverNameItIsFound() {
    PerPrimary<StartPosition> start =
        new PerPrimary<>(StartPosition.latest(), Map.of("a", StartPosition.timestamp(77)));
    LogLedger ledger = new LogLedger(start, OutOfRangePolicy.RESET, 1000);
    ledger.follow(Views.of(1, "a", "b"));
    Lookup onB = ledger.observe("b", shown("A", "t1", 1));
    admitOf(ledger, "a", shown("A", "t1", 1));
    ledger.resolved(
        "b", "t", onB, Map.of(new LogId("A", "t1", 0), new Lookup.Bounds(9, UnionSplit.NO_STOP)));
    assertThat(ledger.pending()).as("looked up for another start").isEmpty();
    assertThat(start(admit(ledger, "b", shown("A", "t1", 1))))
        .isEqualTo(StartPosition.timestamp(77));
    assertThat(ledger.pending()).hasSize(1);
  }

  @Test
  void whatIsHeardLaterIsNotNewerForThat() {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a", "b");
    // One Kafka cluster by two names: b shows it first, and its logs are looked up last.
    Lookup first = ledger.observe("b", shown("A", "t1", 1));
    admit(ledger, "a", shown("A", "t2", 1));
    LogId log = new LogId("A", "t1", 0);
    assertThat(first.logs()).containsExactly(log);
    // The start position does not apply, so it is looked up anew.
    ledger.resolved("b", "t", first, Map.of(log, new Lookup.Bounds(5, UnionSplit.NO_STOP)));
    admit(ledger, "b", shown("A", "t1", 1));
    assertThat(ledger.pending())
        .allSatisfy(
            split ->
                assertThat(split.formerTopicIds())
                    .isEqualTo(split.log().equals(log) ? Set.of() : Set.of("t1")));
    assertThat(ledger.pending()).hasSize(2);
  }

  @Test
  void afterARestoreAllThatIsKnownIsOlderThanWhatIsNew() throws Exception {
    LogLedger ledger = ledger(OutOfRangePolicy.RESET, "a");
    admit(ledger, "a", shown("A", "t1", 1));
    admit(ledger, "a", shown("A", "t2", 1));
    LogLedger later = restored(ledger, OutOfRangePolicy.RESET);
    Set<LogId> before = Set.copyOf(later.pending().stream().map(UnionSplit::log).toList());
    admit(later, "a", shown("A", "t2", 2));
    admit(later, "a", shown("A", "t3", 1));
    assertThat(later.pending())
        .filteredOn(split -> !before.contains(split.log()))
        .extracting(UnionSplit::log, UnionSplit::formerTopicIds)
        .containsExactlyInAnyOrder(
            tuple(new LogId("A", "t2", 1), Set.of("t1")),
            tuple(new LogId("A", "t3", 0), Set.of("t1", "t2")));
  }

  /** By two names: the older topic is shown by b, and of the newer one a log has no leader yet. */
  @Test
  void alsoALogThatDidNotAnswerAtFirstKnowsWhatWasThereBefore() {
    LogLedger ledger =
        new LogLedger(PerPrimary.all(StartPosition.earliest()), OutOfRangePolicy.RESET, 1000);
    ledger.follow(Views.of(1, "a", "b"));
    Lookup older = ledger.observe("b", shown("A", "t1", 2));
    Lookup newer = ledger.observe("a", shown("A", "t2", 2));
    Lookup.Bounds bounds = new Lookup.Bounds(5, UnionSplit.NO_STOP);
    Map<LogId, Lookup.Bounds> all = new HashMap<>();
    older.logs().forEach(log -> all.put(log, bounds));
    ledger.resolved("b", "t", older, all);
    LogId answers = new LogId("A", "t2", 0);
    ledger.resolved("a", "t", newer, Map.of(answers, bounds));
    admit(ledger, "a", shown("A", "t2", 2));
    assertThat(ledger.pending())
        .filteredOn(split -> split.log().topicId().equals("t2"))
        .extracting(UnionSplit::log, UnionSplit::formerTopicIds)
        .containsExactlyInAnyOrder(
            tuple(answers, Set.of("t1")), tuple(new LogId("A", "t2", 1), Set.of("t1")));
  }
}
