package dev.anabranch.union;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anabranch.topology.Primary;
import dev.anabranch.union.HandedOver.Batch;
import dev.anabranch.union.HandedOver.Gap;
import dev.anabranch.union.HandedOver.SplitNews;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Where a reader's splits are read, why they are not, and what becomes of losses. */
class SplitBoardTest {
  private static final String SPLIT = "A/t1/0";

  /** Remembers what a board asked for. */
  private static final class Recorded implements Fetching {
    final Map<String, FetchOrder> reading = new HashMap<>();
    final List<String> calls = new ArrayList<>();

    @Override
    public void read(String primary, Primary how, FetchOrder order) {
      reading.put(primary + ":" + order.splitId(), order);
    }

    @Override
    public void drop(String primary, String splitId) {
      reading.remove(primary + ":" + splitId);
    }

    @Override
    public void pause(String primary, String splitId, boolean paused) {
      calls.add("pause " + primary + ":" + splitId + " " + paused);
    }

    @Override
    public void reach(String primary, Primary how) {
      calls.add("reach " + primary);
    }
  }

  private final Recorded fetching = new Recorded();

  private SplitBoard board(OutOfRangePolicy policy) {
    SplitBoard board = new SplitBoard(policy, fetching);
    board.add(List.of(Views.split("A", "t1", 0, "a")));
    return board;
  }

  private static TopologyEvent event(
      StreamView view, Map<String, String> clusters, String... gone) {
    return new TopologyEvent(view, clusters, Map.of(), Set.of(gone));
  }

  /** The enumerator was shown that topic by primary a. */
  private static TopologyEvent shows(String topicId) {
    return new TopologyEvent(Views.of(1, "a"), Map.of("a", "A"), Map.of("a", topicId), Set.of());
  }

  private static SplitNews found(Verdict verdict) {
    return found(1, verdict);
  }

  private static SplitNews found(int attempt, Verdict verdict) {
    return new SplitNews(SPLIT, attempt, verdict, "why", null);
  }

  private static Batch batch(int attempt, long from, long next) {
    return new Batch(SPLIT, attempt, from, List.of(), next, 0);
  }

  @Test
  void waitsForTheTopologyThenReadsByName() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    assertThat(fetching.reading).isEmpty();
    board.follow(event(Views.of(1, "a"), Map.of()));
    assertThat(fetching.reading).containsOnlyKeys("a:" + SPLIT);
    assertThat(board.isExpected(SPLIT)).isTrue();
  }

  @Test
  void identityGoesBeforeName() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a", "z"), Map.of("a", "B", "z", "A")));
    assertThat(fetching.reading).containsOnlyKeys("z:" + SPLIT);
    board.take(found(Verdict.READABLE));
    assertThat(board.snapshot().get(0).primary()).isEqualTo("z");
  }

  @Test
  void aRemovedOrAbsentPrimaryKeepsTheOffset() {
    SplitBoard board = board(OutOfRangePolicy.FAIL);
    board.follow(event(Views.of(1, "a"), Map.of("a", "A")));
    board.expect(batch(1, 0, 7)).moveTo(7, 0);

    assertThat(board.follow(event(Views.at(2, Map.of("[a]", "a:1")), Map.of()))).isEmpty();
    assertThat(fetching.reading).isEmpty();
    assertThat(board.isExpected(SPLIT)).isFalse();
    assertThat(board.snapshot().get(0).nextOffset()).isEqualTo(7);
    assertThat(board.follow(event(Views.of(3, "b"), Map.of()))).isEmpty();

    board.follow(event(Views.of(4, "a"), Map.of()));
    assertThat(fetching.reading.get("a:" + SPLIT).nextOffset()).isEqualTo(7);
  }

  @Test
  void batchesOfAnOlderOrderAreDropped() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a"), Map.of()));
    board.follow(event(Views.of(2, "b"), Map.of()));
    board.follow(event(Views.of(3, "a"), Map.of()));
    assertThat(board.expect(batch(1, 0, 9))).isNull();
    assertThat(board.expect(batch(2, 0, 9))).isNotNull();
  }

  @Test
  void aShortBatchOfANewerOrderTakesNothingBack() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a"), Map.of()));
    SplitState split = board.expect(batch(1, 0, 200));
    split.emitted(149, 0, -1);
    // Routed anew between two records of a batch, whose rest is emitted all the same.
    board.follow(event(Views.of(2, "b"), Map.of()));
    board.follow(event(Views.of(3, "a"), Map.of()));
    assertThat(fetching.reading.get("a:" + SPLIT).nextOffset()).isEqualTo(150);
    split.emitted(199, 0, -1);
    split.batchEmitted(200, 0, -1);

    board.expect(batch(2, 150, 160)).batchEmitted(160, 0, -1);

    assertThat(board.snapshot().get(0).nextOffset()).isEqualTo(200);
  }

  @Test
  void anOffsetWithinABatchHasTheEpochOfTheRecordBeforeIt() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a"), Map.of()));
    board.take(found(Verdict.READABLE));
    board.expect(batch(1, 0, 15)).moveTo(15, 3);
    SplitState split = board.expect(batch(1, 15, 30));
    split.emitted(15, 3, -1);
    split.emitted(16, 4, -1);

    assertThat(board.snapshot().get(0).nextOffset()).isEqualTo(17);
    assertThat(board.snapshot().get(0).leaderEpoch()).isEqualTo(4);
    CheckpointOffsets group = new CheckpointOffsets();
    group.taken(1, board.visible());
    assertThat(group.completed(1).get("a").values())
        .containsExactly(new OffsetAndMetadata(17, Optional.of(4), ""));
    board.follow(event(Views.of(2, "b"), Map.of()));
    board.follow(event(Views.of(3, "a"), Map.of()));
    assertThat(fetching.reading.get("a:" + SPLIT).leaderEpoch()).isEqualTo(4);
  }

  @Test
  void aMissingBatchIsNeverPassedOver() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a"), Map.of()));
    assertThatThrownBy(() -> board.expect(batch(1, 5, 9)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("from 0 to 4 were never handed over");
  }

  @Test
  void deletedRecordsAreReportedOnceAndReadingGoesOnBehindThem() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a"), Map.of()));
    Gap gap = new Gap(LossReport.Kind.DELETED, 0, 30, 30, UnionSplit.NO_EPOCH);
    LossReport loss = board.take(new SplitNews(SPLIT, 1, Verdict.OUT_OF_RANGE, "why", gap));
    assertThat(loss.fromOffset()).isEqualTo(0);
    assertThat(loss.toOffset()).isEqualTo(30);
    assertThat(board.snapshot().get(0).nextOffset()).isEqualTo(30);
    assertThat(board.isExpected(SPLIT)).isTrue();
  }

  @ParameterizedTest
  @EnumSource(
      value = OutOfRangePolicy.class,
      names = {"RESET", "PARK"})
  void whatIsDeletedBehindATruncationIsReported(OutOfRangePolicy policy) {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a"), Map.of()));
    assertThat(board.take(gap(LossReport.Kind.DELETED, 0, 100, 100))).isNotNull();

    // The next leader was behind: its log ends at 50, and what is written there is new.
    SplitBoard cut = new SplitBoard(policy, fetching);
    cut.add(board.snapshot());
    cut.follow(event(Views.of(1, "a"), Map.of()));
    assertThat(cut.take(gap(LossReport.Kind.TRUNCATED, 50, 100, 50))).isNotNull();

    SplitBoard freed = new SplitBoard(OutOfRangePolicy.RESET, fetching);
    freed.add(cut.snapshot());
    freed.follow(event(Views.of(1, "a"), Map.of()));
    LossReport loss = freed.take(gap(LossReport.Kind.DELETED, 50, 90, 90));
    assertThat(loss).isNotNull();
    assertThat(List.of(loss.fromOffset(), loss.toOffset())).containsExactly(50L, 90L);
    assertThat(freed.take(gap(LossReport.Kind.DELETED, 50, 90, 90))).isNull();
  }

  private static SplitNews gap(LossReport.Kind kind, long from, long to, long resumeAt) {
    Gap gap = new Gap(kind, from, to, resumeAt, UnionSplit.NO_EPOCH);
    return new SplitNews(SPLIT, 1, Verdict.OUT_OF_RANGE, "why", gap);
  }

  @Test
  void aParkedLossIsNotReportedAgainWhenAnotherPolicyFreesIt() {
    SplitBoard parked = board(OutOfRangePolicy.PARK);
    parked.follow(event(Views.of(1, "a"), Map.of()));
    Gap gap = new Gap(LossReport.Kind.DELETED, 0, 30, 30, UnionSplit.NO_EPOCH);
    assertThat(parked.take(new SplitNews(SPLIT, 1, Verdict.OUT_OF_RANGE, "why", gap))).isNotNull();
    assertThat(fetching.reading).isEmpty();
    assertThat(parked.isExpected(SPLIT)).isFalse();
    UnionSplit kept = parked.snapshot().get(0);
    assertThat(kept.nextOffset()).isZero();
    assertThat(kept.lost()).isEqualTo(LossReport.Kind.DELETED);

    SplitBoard freed = new SplitBoard(OutOfRangePolicy.RESET, fetching);
    freed.add(List.of(kept));
    freed.follow(event(Views.of(1, "a"), Map.of()));
    assertThat(fetching.reading.get("a:" + SPLIT).nextOffset()).isZero();
    assertThat(freed.take(new SplitNews(SPLIT, 1, Verdict.OUT_OF_RANGE, "why", gap))).isNull();
    Gap wider = new Gap(LossReport.Kind.DELETED, 0, 40, 40, UnionSplit.NO_EPOCH);
    LossReport rest = freed.take(new SplitNews(SPLIT, 1, Verdict.OUT_OF_RANGE, "why", wider));
    assertThat(rest.fromOffset()).isEqualTo(30);
  }

  @Test
  void aParkedTruncationIsNotReportedAgainWhenAnotherPolicyFreesIt() {
    SplitBoard parked = board(OutOfRangePolicy.PARK);
    parked.follow(event(Views.of(1, "a"), Map.of()));
    parked.expect(batch(1, 0, 50)).moveTo(50, 3);
    Gap gap = new Gap(LossReport.Kind.TRUNCATED, 40, 50, 40, 2);
    assertThat(parked.take(new SplitNews(SPLIT, 1, Verdict.OUT_OF_RANGE, "why", gap))).isNotNull();
    assertThat(fetching.reading).isEmpty();

    SplitBoard freed = new SplitBoard(OutOfRangePolicy.RESET, fetching);
    freed.add(parked.snapshot());
    freed.follow(event(Views.of(1, "a"), Map.of()));
    assertThat(fetching.reading.get("a:" + SPLIT).nextOffset()).isEqualTo(40);
    assertThat(fetching.reading.get("a:" + SPLIT).leaderEpoch()).isEqualTo(2);
  }

  @ParameterizedTest
  @EnumSource(OutOfRangePolicy.class)
  void aReplacedTopicIsReportedAndReadNoMore(OutOfRangePolicy policy) {
    SplitBoard board = board(policy);
    board.follow(shows("t2"));
    LossReport loss = board.take(found(Verdict.TOPIC_REPLACED));
    assertThat(loss.kind()).isEqualTo(LossReport.Kind.TOPIC_REPLACED);
    assertThat(loss.toOffset()).isEqualTo(LossReport.UNKNOWN);
    assertThat(fetching.reading).isEmpty();
    assertThat(board.snapshot()).hasSize(policy == OutOfRangePolicy.RESET ? 0 : 1);
  }

  @Test
  void aReplacedTopicOfACheckpointIsDroppedByAPolicyThatReadsOn() {
    SplitBoard parked = board(OutOfRangePolicy.PARK);
    parked.follow(shows("t2"));
    parked.take(found(Verdict.TOPIC_REPLACED));
    SplitBoard freed = new SplitBoard(OutOfRangePolicy.RESET, fetching);
    freed.add(parked.snapshot());
    assertThat(freed.snapshot()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(OutOfRangePolicy.class)
  void aTopicIsReplacedOnlyOnceTheEnumeratorWasShownAnotherOneToo(OutOfRangePolicy policy) {
    SplitBoard board = board(policy);
    board.follow(event(Views.of(1, "a"), Map.of("a", "A")));
    assertThat(board.take(found(Verdict.TOPIC_REPLACED))).as("not asked yet").isNull();
    assertThat(board.follow(shows("t1"))).as("the reader's broker lags").isEmpty();
    assertThat(board.isExpected(SPLIT)).isTrue();
    board.follow(shows("t2"));
    assertThat(fetching.reading.get("a:" + SPLIT).attempt()).as("asked again").isEqualTo(2);
    assertThat(board.take(found(2, Verdict.TOPIC_REPLACED)).kind())
        .isEqualTo(LossReport.Kind.TOPIC_REPLACED);
    board.follow(shows("t3"));
    assertThat(fetching.reading).isEmpty();
  }

  /** The reader's broker had caught up by the time that the enumerator's answer came. */
  @Test
  void aLogThatShowedUpMeanwhileIsNotReplaced() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(shows("t1"));
    board.take(found(Verdict.TOPIC_REPLACED));
    board.follow(shows("t2"));
    assertThat(board.take(found(Verdict.TOPIC_REPLACED))).as("of the order before").isNull();
    assertThat(board.take(found(2, Verdict.READABLE))).isNull();
    assertThat(board.isExpected(SPLIT)).isTrue();
  }

  /** Discovery goes by the document, which may have another topic for the stream by now. */
  @Test
  void ofATopicThatTheStreamHadBeforeTheReaderIsBelieved() {
    SplitBoard board = new SplitBoard(OutOfRangePolicy.RESET, fetching);
    LogId log = new LogId("A", "t1", 0);
    board.add(List.of(UnionSplit.fresh(log, "a", "before", 0, UnionSplit.NO_STOP)));
    board.follow(shows("t1"));
    assertThat(board.take(found(Verdict.TOPIC_REPLACED)).kind())
        .isEqualTo(LossReport.Kind.TOPIC_REPLACED);
  }

  /** Two brokers that lag, or one that showed this topic to the enumerator from before the job. */
  @Test
  void nobodyWaitsForALogThatNeitherReaderNorEnumeratorIsShown() {
    SplitBoard board = new SplitBoard(OutOfRangePolicy.RESET, fetching);
    board.add(List.of(Views.split("A", "t1", 0, "a").behind(Set.of("t0"))));
    board.follow(shows("t1"));
    board.take(found(Verdict.FORMER_TOPIC));
    assertThat(board.isExpected(SPLIT)).as("the reader's broker lags").isTrue();
    assertThat(board.follow(shows("t0"))).isEmpty();
    assertThat(board.isExpected(SPLIT)).isFalse();
    assertThat(board.take(found(Verdict.TOPIC_REPLACED))).as("t0 is no successor").isNull();
    board.take(found(Verdict.READABLE));
    assertThat(board.isExpected(SPLIT)).isTrue();
  }

  @ParameterizedTest
  @EnumSource(OutOfRangePolicy.class)
  void aReplacedClusterIsReportedOnceAndItsLogsGoOnShouldItComeBack(OutOfRangePolicy policy) {
    SplitBoard board = board(policy);
    board.follow(event(Views.of(1, "a"), Map.of("a", "A")));
    TopologyEvent wiped = event(Views.of(1, "a"), Map.of("a", "B"), "A");
    assertThat(board.follow(wiped)).containsExactly(SPLIT);
    assertThat(board.clusterGone(SPLIT).kind()).isEqualTo(LossReport.Kind.CLUSTER_REPLACED);
    assertThat(board.clusterGone(SPLIT)).isNull();
    assertThat(board.follow(wiped)).isEmpty();

    board.follow(event(Views.of(2, "a"), Map.of("a", "A")));
    assertThat(fetching.reading).containsOnlyKeys("a:" + SPLIT);
    assertThat(board.snapshot().get(0).lost()).isNull();
  }

  @Test
  void aBoundedReadEndsAtItsStopsAndNamesWhatHoldsItUp() {
    SplitBoard board = new SplitBoard(OutOfRangePolicy.RESET, fetching);
    board.add(List.of(UnionSplit.fresh(new LogId("A", "t1", 0), "a", "t", 0, 10)));
    board.follow(event(Views.of(1, "a"), Map.of()));
    assertThat(board.isAtEnd()).isFalse();
    assertThat(SplitBoard.reasons(board.visible(), Map.of()))
        .isEqualTo(Map.of("a", "primary a has not answered yet"));
    board.take(found(Verdict.READABLE));
    board.expect(batch(1, 0, 7)).moveTo(7, 0);
    assertThat(board.isAtEnd()).isFalse();
    assertThat(SplitBoard.reasons(board.visible(), Map.of()).get("a"))
        .startsWith("log t-0: no progress at offset 7 of 10");
    assertThat(SplitBoard.reasons(board.visible(), Map.of("a", "is down", "b", "too")))
        .isEqualTo(Map.of("a", "is down"));
    board.expect(batch(1, 7, 10)).moveTo(10, 0);
    assertThat(board.isAtEnd()).isTrue();
  }

  @Test
  void alignmentIsOverriddenAndObeyedAgain() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a"), Map.of("a", "A")));
    board.pause(SPLIT, true);
    board.overrideAlignment(true);
    assertThat(fetching.calls)
        .endsWith("pause a:" + SPLIT + " true", "pause a:" + SPLIT + " false");
    assertThat(board.isPauseAsked(SPLIT)).isTrue();
    board.overrideAlignment(false);
    assertThat(fetching.calls).endsWith("pause a:" + SPLIT + " true");

    board.overrideAlignment(true);
    board.pause(SPLIT, false);
    fetching.calls.clear();
    board.pause(SPLIT, true);
    board.pause(SPLIT, false);
    board.overrideAlignment(false);
    assertThat(fetching.calls).isEmpty();
  }

  @Test
  void aPausedSplitStaysPausedOnAnotherPrimary() {
    SplitBoard board = board(OutOfRangePolicy.RESET);
    board.follow(event(Views.of(1, "a", "z"), Map.of("a", "A")));
    board.pause(SPLIT, true);
    assertThat(fetching.calls).contains("pause a:" + SPLIT + " true");
    board.follow(event(Views.of(2, "a", "z"), Map.of("a", "B", "z", "A")));
    assertThat(fetching.reading.get("z:" + SPLIT).paused()).isTrue();
  }
}
