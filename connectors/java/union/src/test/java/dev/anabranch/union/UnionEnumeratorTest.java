package dev.anabranch.union;

import static dev.anabranch.union.Views.shown;
import static org.assertj.core.api.Assertions.assertThat;

import dev.anabranch.topology.Group;
import dev.anabranch.topology.Topology;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.api.connector.source.ReaderInfo;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.apache.flink.api.connector.source.mocks.MockSplitEnumeratorContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who is listened to, and when what was found is shared out. */
class UnionEnumeratorTest {
  private static final PerPrimary<StartPosition> EARLIEST =
      PerPrimary.all(StartPosition.earliest());

  private final List<PrimaryProbe> probes = new ArrayList<>();
  private final MockSplitEnumeratorContext<UnionSplit> context =
      new MockSplitEnumeratorContext<>(2);
  private final UnionEnumerator enumerator =
      enumerator(
          WatermarkMode.strategy(),
          new LogLedger(EARLIEST, OutOfRangePolicy.RESET, 1000),
          new OutageBook(Duration.ZERO, Map.of()));

  private UnionEnumerator enumerator(WatermarkMode mode, LogLedger ledger, OutageBook outages) {
    UnionSettings settings =
        new UnionSettings(
            "nowhere",
            "t",
            EARLIEST,
            PerPrimary.all(StopPosition.never()),
            OutOfRangePolicy.RESET,
            null,
            Duration.ofSeconds(10),
            Duration.ofSeconds(10),
            Duration.ofMinutes(10),
            Map.of(),
            mode,
            FetcherFaults.NONE);
    // Probes are kept, and asked nothing: the test says what they would have seen.
    Surroundings around =
        new Surroundings() {
          @Override
          public void start(PrimaryProbe probe) {
            probes.add(probe);
          }
        };
    return new UnionEnumerator(context, settings, ledger, outages, around);
  }

  @AfterEach
  void close() throws Exception {
    enumerator.close();
    context.close();
  }

  /** The one primary is at that address from now on; returns the probe that asks there. */
  private PrimaryProbe follow(long generation, String address) {
    StreamView view = Views.at(generation, Map.of("a", address));
    Group group = new Group(view.primaries(), Map.of("t", view.spec()));
    enumerator.follow(new Topology(generation, Map.of("g", group)));
    return probes.get(probes.size() - 1);
  }

  /** A probe tells all of this, as far as anybody wants to know. */
  private void tell(PrimaryProbe probe, PrimaryView shown) throws Throwable {
    Lookup lookup = enumerator.seen(probe, shown);
    Map<LogId, Lookup.Bounds> bounds = new HashMap<>();
    lookup.logs().forEach(log -> bounds.put(log, new Lookup.Bounds(0, UnionSplit.NO_STOP)));
    enumerator.resolved(probe, shown, lookup, bounds);
    awaitCoordinator();
  }

  /** What the coordinator was told before is done; throws what it threw. */
  private void awaitCoordinator() throws Throwable {
    context.callAsync(() -> true, (done, error) -> {});
    context.runNextOneTimeCallable();
  }

  private void register(int subtask) {
    context.registerReader(new ReaderInfo(subtask, "simulated"));
    enumerator.addReader(subtask);
    enumerator.handleSourceEvent(subtask, new ReaderReport(Set.of()));
  }

  /** How many splits each subtask was given. */
  private Map<Integer, Integer> shares() {
    Map<Integer, Integer> shares = new HashMap<>();
    for (SplitsAssignment<UnionSplit> each : context.getSplitsAssignmentSequence()) {
      each.assignment().forEach((to, splits) -> shares.merge(to, splits.size(), Integer::sum));
    }
    return shares;
  }

  @Test
  void whatAReplacedProbeStillSaysOfTheAddressBeforeIsNotTaken() throws Throwable {
    PrimaryProbe before = follow(1, "before:9092");
    PrimaryProbe after = follow(2, "after:9092");
    tell(before, shown("OTHER", "t1", 1));
    tell(after, shown("A", "t1", 1));
    assertThat(enumerator.snapshotState(1).known()).containsOnlyKeys(new LogId("A", "t1", 0));
    assertThat(enumerator.snapshotState(1).sightings()).containsOnlyKeys("A");
  }

  @Test
  void boundsThatAReplacedProbeHasLookedUpAreNotTaken() throws Throwable {
    PrimaryProbe before = follow(1, "before:9092");
    PrimaryView shown = shown("OTHER", "t1", 1);
    Lookup lookup = enumerator.seen(before, shown);
    follow(2, "after:9092");
    Map<LogId, Lookup.Bounds> bounds = new HashMap<>();
    lookup.logs().forEach(log -> bounds.put(log, new Lookup.Bounds(0, UnionSplit.NO_STOP)));
    assertThat(bounds).hasSize(1);
    enumerator.resolved(before, shown, lookup, bounds);
    awaitCoordinator();
    assertThat(enumerator.snapshotState(1).known()).isEmpty();
  }

  @Test
  void nothingIsSharedOutBeforeEveryReaderHasSaidWhatItHolds() throws Throwable {
    PrimaryProbe probe = follow(1, "a:9092");
    register(0);
    context.registerReader(new ReaderInfo(1, "simulated"));
    tell(probe, shown("A", "t1", 4));
    assertThat(shares()).isEmpty();
    enumerator.handleSourceEvent(1, new ReaderReport(Set.of()));
    assertThat(shares()).isEqualTo(Map.of(0, 2, 1, 2));
  }

  /** Flink strikes a reader off first, and gives its splits back only later. */
  @Test
  void nothingIsGivenToAReaderThatHasFailed() throws Throwable {
    PrimaryProbe probe = follow(1, "a:9092");
    register(0);
    register(1);
    context.unregisterReader(1);
    tell(probe, shown("A", "t1", 4));
    assertThat(shares()).isEmpty();
    enumerator.addSplitsBack(List.of(), 1);
    register(1);
    assertThat(shares()).isEqualTo(Map.of(0, 2, 1, 2));
  }

  @Test
  void logsOfATopicThatWasCreatedAgainNoLongerCountWhereSplitsAreSharedOut() throws Throwable {
    PrimaryProbe probe = follow(1, "a:9092");
    register(0);
    register(1);
    tell(probe, shown("A", "t1", 1));
    tell(probe, shown("A", "t2", 3));
    assertThat(shares())
        .as("1 of t1, which is gone, and 2 to 1 of t2")
        .isEqualTo(Map.of(0, 3, 1, 1));
  }

  @Test
  void aPrimaryOfWhichALogDoesNotAnswerHoldsTheWatermarkAlsoAfterARestore() throws Throwable {
    Duration max = Duration.ofHours(1);
    WatermarkMode hold = WatermarkMode.hold(max);
    PrimaryView shown = shown("A", "t1", 2);
    LogLedger ledger = new LogLedger(EARLIEST, OutOfRangePolicy.RESET, 1000);
    ledger.follow(Views.of(1, "a"));
    UnionEnumerator before = enumerator(hold, ledger, new OutageBook(max, Map.of()));
    before.followRestored();
    registerBoth(before);
    answer(before, shown, 0);
    haveRead(before, "A/t1/0");
    UnionEnumeratorState state = before.snapshotState(1);
    assertThat(state.outages()).containsOnlyKeys("a");
    before.close();

    LogLedger restored = new LogLedger(EARLIEST, OutOfRangePolicy.RESET, state);
    UnionEnumerator after = enumerator(hold, restored, new OutageBook(max, state.outages()));
    after.followRestored();
    registerBoth(after);
    haveRead(after, "A/t1/0");
    assertThat(after.snapshotState(2).outages()).containsOnlyKeys("a");
    answer(after, shown, 1);
    haveRead(after, "A/t1/0", "A/t1/1");
    assertThat(after.snapshotState(3).outages()).isEmpty();
    after.close();
  }

  /** The reader that comes next must not be idle before it is given its splits. */
  @Test
  void whoFollowsAReaderThatFailedIsToldToHoldBeforeItHasItsSplits() throws Throwable {
    Duration max = Duration.ofHours(1);
    LogLedger ledger = new LogLedger(EARLIEST, OutOfRangePolicy.RESET, 1000);
    ledger.follow(Views.of(1, "a"));
    UnionEnumerator holding =
        enumerator(WatermarkMode.hold(max), ledger, new OutageBook(max, Map.of()));
    holding.followRestored();
    registerBoth(holding);
    answer(holding, shown("A", "t1", 1), 0);
    haveRead(holding, "A/t1/0");
    assertThat(holding.snapshotState(1).outages()).isEmpty();

    context.unregisterReader(0);
    holding.addSplitsBack(List.of(Views.split("A", "t1", 0, "a")), 0);
    context.registerReader(new ReaderInfo(0, "simulated"));
    holding.addReader(0);
    List<SourceEvent> told = context.getSentSourceEvent().get(0);
    assertThat(told.get(told.size() - 1)).isEqualTo(new HoldEvent(Set.of("a"), Set.of("a")));
    holding.close();
  }

  /** What is found first would run ahead of a reader that is given its splits a moment later. */
  @Test
  void whereTheWatermarkAdvancesReadersHoldUntilTheyHaveWhatThePrimariesHad() throws Throwable {
    LogLedger ledger = new LogLedger(EARLIEST, OutOfRangePolicy.RESET, 1000);
    ledger.follow(Views.of(1, "a"));
    UnionEnumerator advancing =
        enumerator(WatermarkMode.advance(), ledger, new OutageBook(Duration.ZERO, Map.of()));
    advancing.followRestored();
    registerBoth(advancing);
    advancing.addReader(1);
    assertThat(holdOf(1)).isEqualTo(new HoldEvent(Set.of("a"), Set.of()));
    answer(advancing, shown("A", "t1", 1), 0);
    assertThat(holdOf(1)).isEqualTo(new HoldEvent(Set.of(), Set.of()));

    context.unregisterReader(0);
    advancing.addSplitsBack(List.of(Views.split("A", "t1", 0, "a")), 0);
    assertThat(holdOf(1)).isEqualTo(new HoldEvent(Set.of("a"), Set.of()));
    context.registerReader(new ReaderInfo(0, "simulated"));
    advancing.addReader(0);
    advancing.handleSourceEvent(0, new ReaderReport(Set.of()));
    assertThat(holdOf(1)).isEqualTo(new HoldEvent(Set.of(), Set.of()));
    advancing.close();
  }

  /** What a reader was told last. */
  private SourceEvent holdOf(int subtask) throws Exception {
    List<SourceEvent> told = context.getSentSourceEvent().get(subtask);
    return told.get(told.size() - 1);
  }

  private void registerBoth(UnionEnumerator to) {
    for (int subtask = 0; subtask < 2; subtask++) {
      context.registerReader(new ReaderInfo(subtask, "simulated"));
      to.handleSourceEvent(subtask, new ReaderReport(Set.of()));
    }
  }

  /** Of what is new on the primary, that partition answers. */
  private void answer(UnionEnumerator to, PrimaryView shown, int partition) throws Throwable {
    PrimaryProbe probe = probes.get(probes.size() - 1);
    LogId log = new LogId(shown.clusterId(), "t1", partition);
    Lookup lookup = to.seen(probe, shown);
    assertThat(lookup.logs()).contains(log);
    to.resolved(probe, shown, lookup, Map.of(log, new Lookup.Bounds(0, UnionSplit.NO_STOP)));
    awaitCoordinator();
  }

  /** All that the splits that were assigned so far had is read. */
  private static void haveRead(UnionEnumerator who, String... splitIds) {
    ContactReport report = new ContactReport(Set.of(splitIds), Map.of("a", Contact.CURRENT));
    who.handleSourceEvent(0, report);
    who.handleSourceEvent(1, report);
  }
}
