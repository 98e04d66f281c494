"""Guards of the source that are taken out one by one, and what catches that.

python -m tests.model.mutants [NAME …] plays histories, also where something else is to catch those names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.histories import UnionHistory
from tests.model.jvm import UNION, WorldJvm, java
from tests.model.lineage import BrokenPromiseError

_SOURCES = UNION.parent / "src" / "main" / "java" / "dev" / "anabranch" / "union"
MAX_HISTORIES = 10_000
_TEST_FAILED = 10  # as SingleTestMain has it


@dataclass(frozen=True)
class Mutant:
    """One guard taken out.

    Attributes:
        name: what is missing.
        caught_by: how many histories it takes, or the JUnit test that fails: `Class.method`.
        edits: file, what stands there, and what takes its place.
    """

    name: str
    caught_by: int | str
    edits: tuple[tuple[str, str, str], ...]


def _mutant(
    name: str, caught_by: int | str, file: str, old: str, new: str, *more: tuple[str, str, str]
) -> Mutant:
    return Mutant(name, caught_by, ((file, old, new), *more))


MUTANTS = (
    _mutant(
        "positions move before the hand-over",
        140,
        "PrimaryFetcher",
        "        settings.faults().at(name, Moment.BEFORE_HAND_OVER",
        "        batches.forEach((e, b) -> book.advance(e, b.nextOffset(), b.leaderEpoch()));\n"
        "        settings.faults().at(name, Moment.BEFORE_HAND_OVER",
    ),
    _mutant(
        "and the reader does not check that batches follow on each other",
        140,
        "PrimaryFetcher",
        "        settings.faults().at(name, Moment.BEFORE_HAND_OVER",
        "        batches.forEach((e, b) -> book.advance(e, b.nextOffset(), b.leaderEpoch()));\n"
        "        settings.faults().at(name, Moment.BEFORE_HAND_OVER",
        ("SplitBoard", "if (batch.fromOffset() > split.nextOffset())", "if (false)"),
    ),
    _mutant(
        "batches of an older order are taken",
        1900,
        "SplitBoard",
        "if (split == null || split.attempt() != batch.attempt())",
        "if (split == null)",
    ),
    _mutant(
        "news of an older order are taken",
        830,
        "SplitBoard",
        "if (split == null || split.attempt() != news.attempt())",
        "if (split == null)",
    ),
    _mutant(
        "identities are not compared after a metadata update",
        4,
        "PrimaryFetcher",
        "if (updates != comparedUpdates)",
        "if (comparedUpdates == -1)",
    ),
    _mutant(
        "a failed attempt is forgotten",
        "LogLedgerTest.aPrimaryThatWasDownAtTheStartIsLookedUpByTheStartTime",
        "LogLedger",
        "void failed(String primary) {\n    everFailed.add(primary);",
        "void failed(String primary) {",
    ),
    _mutant(
        "a read that ends does not wait for a topic that is missing at first",
        "LogLedgerTest.aReadThatEndsWaitsForATopicThatIsMissingAtFirstAndStartsWhereItWouldHaveStarted",
        "LogLedger",
        "      if (awaitsTopics) {",
        "      if (false) {",
    ),
    _mutant(
        "the order in which topics were shown is forgotten",
        "LogLedgerTest.whatIsHeardLaterIsNotNewerForThat",
        "ShownTopics",
        "    before.addAll(ids.subList(0, Math.max(0, ids.indexOf(id))));",
        "",
    ),
    _mutant(
        "what a checkpoint knows is not older than what is new",
        "LogLedgerTest.afterARestoreAllThatIsKnownIsOlderThanWhatIsNew",
        "ShownTopics",
        "    if (andRestored) {",
        "    if (false) {",
    ),
    _mutant(
        "an address that changed is forgotten",
        "LogLedgerTest.anAddressThatIsCorrectedBeforeAnyAttemptFailedIsLookedUpByTheStartTimeToo",
        "LogLedger",
        "          everFailed.add(name);",
        "",
    ),
    _mutant(
        "the end after a restore counts as the end at the start",
        "LogLedgerTest.aPrimaryThatWasDownAtTheStartIsLookedUpByTheStartTime",
        "LogLedger",
        "!restored && !everFailed",
        "!everFailed",
    ),
    _mutant(
        "known logs are pruned from the state",
        3000,
        "LogLedger",
        "sightings, known, Set.copyOf(pending.values()), Map.of());",
        "sightings, shownOf(known), Set.copyOf(pending.values()), Map.of());\n  }\n\n"
        "  private Map<LogId, String> shownOf(Map<LogId, String> all) {\n"
        "    Map<LogId, String> kept = new HashMap<>(all);\n"
        "    kept.keySet().removeIf(log -> !visible.containsValue(log.clusterId()));\n    return kept;",
    ),
    _mutant(
        "waiting splits are not in the state",
        "LogLedgerTest.splitsWithoutAReaderWaitOnAfterARestore",
        "LogLedger",
        "sightings, known, Set.copyOf(pending.values()), Map.of());",
        "sightings, known, Set.of(), Map.of());",
    ),
    _mutant(
        "returned splits are dropped",
        10,
        "LogLedger",
        "    splits.forEach(split -> pending.put(split.splitId(), split));",
        "",
    ),
    _mutant(
        "a log is split twice",
        180,
        "LogLedger",
        "if (known.putIfAbsent(log, topic) == null) {",
        "known.put(log, topic);\n          {",
    ),
    _mutant(
        "a replaced probe is listened to",
        "UnionEnumeratorTest.whatAReplacedProbeStillSaysOfTheAddressBeforeIsNotTaken",
        "UnionEnumerator",
        "return probes.get(probe.primary()) == probe;",
        "return true;",
    ),
    _mutant(
        "what a primary showed at another address counts",
        "LogLedgerTest.swappedAddressesLoseNothingWhileOneHalfIsUnknown",
        "LogLedger",
        "                    || !bootstrap(before, name).equals(bootstrap(next, name)));",
        "                    );",
    ),
    _mutant(
        "a cluster is gone though another primary shows it",
        "LogLedgerTest.aClusterThatHadTwoNamesIsNotGoneWhileOneOfThemShowsIt",
        "LogLedger",
        "if (replaced && !visible.containsValue(cluster) && (inPlace || allAsked))",
        "if (replaced && (inPlace || allAsked))",
    ),
    _mutant(
        "a cluster is gone before all primaries were asked",
        "LogLedgerTest.aClusterThatMovedAwayIsNotGoneUntilEveryPrimaryHasBeenAsked",
        "LogLedger",
        " && (inPlace || allAsked))",
        ")",
    ),
    _mutant(
        "readers that have not registered are passed over",
        "UnionEnumeratorTest.nothingIsSharedOutBeforeEveryReaderHasSaidWhatItHolds",
        "UnionEnumerator",
        "if (!balancer.isReady(parallelism)\n        || context.registeredReaders().size() < parallelism\n"
        "        || complete)",
        "if (complete || context.registeredReaders().isEmpty())",
        ("SplitBalancer", "held.get(subtask).add", "held.computeIfAbsent(subtask, a -> new HashSet<>()).add"),
        (
            "SplitBalancer",
            "return held.entrySet().stream()",
            "if (held.isEmpty()) {\n      return 0;\n    }\n    return held.entrySet().stream()",
        ),
    ),
    _mutant(
        "a reader that has failed is given splits",
        "UnionEnumeratorTest.nothingIsGivenToAReaderThatHasFailed",
        "UnionEnumerator",
        "        || context.registeredReaders().size() < parallelism\n",
        "",
    ),
    _mutant(
        "what readers were restored with does not count in sharing out",
        4,
        "SplitBalancer",
        "held.put(subtask, new HashSet<>(splitIds));",
        "held.put(subtask, new HashSet<>());",
    ),
    _mutant(
        "an offset within a batch has the epoch before it",
        "SplitBoardTest.anOffsetWithinABatchHasTheEpochOfTheRecordBeforeIt",
        "SplitState",
        "    nextOffset = offset + 1;\n    leaderEpoch = epoch;",
        "    nextOffset = offset + 1;",
    ),
    _mutant(
        "a checkpoint forgets the epoch",
        "StateFormTest.splits",
        "UnionSplitSerializer",
        "out.writeInt(split.leaderEpoch());",
        "out.writeInt(-1);",
    ),
    _mutant(
        "the rest of a batch is emitted though its log was ordered anew",
        "FoundHistoriesTest.whatIsWrittenInPlaceOfTheRestOfABatchIsRead",
        "UnionReader",
        "split != null && split.attempt() == batch.attempt() ? split : null",
        "split",
    ),
    _mutant(
        "and offsets that were emitted are not passed over",
        2200,
        "UnionReader",
        "split != null && split.attempt() == batch.attempt() ? split : null",
        "split",
        ("SplitState", "if (offset >= nextOffset) {", "{"),
        ("UnionReader", "if (offset >= current.nextOffset() && offset", "if (offset"),
    ),
    _mutant(
        "bounds are taken of a topic that took the place of the one that was seen",
        "FoundHistoriesTest.aLogBeginsAtAnOffsetOfItsOwn",
        "PrimaryProbe",
        "return same ? bounds : null;",
        "return bounds;",
    ),
    _mutant(
        "a parked truncation is found again",
        180,
        "SplitBoard",
        "if (policy.readsOn() || !deleted)",
        "if (policy.readsOn())",
    ),
    _mutant(
        "what was reported is forgotten",
        1100,
        "SplitBoard",
        "deleted ? Math.max(gap.fromOffset(), split.reportedTo()) : gap.fromOffset()",
        "gap.fromOffset()",
    ),
    _mutant(
        "a refused offset is judged without a look at the identity",
        130,
        "PrimaryFetcher",
        "      compareNow(admin());\n      RangeJudge",
        "      RangeJudge",
    ),
    _mutant(
        "where the logs part is not asked",
        780,
        "RangeJudge",
        'new OffsetAndMetadata(Math.min(end, parted.offset()), parted.leaderEpoch(), "");',
        "UnionSplit.position(end, entry.leaderEpoch());",
    ),
    _mutant(
        "the consumer goes on after a failure",
        140,
        "PrimaryFetcher",
        "    closeClients();\n    handover.put(new PrimaryNews(name, false",
        "    handover.put(new PrimaryNews(name, false",
    ),
    _mutant(
        "an unreadable log is handed over",
        100,
        "PrimaryFetcher",
        "if (entry == null || !entry.isReadable())",
        "if (entry == null)",
    ),
    _mutant(
        "a successor is read though the policy parks",
        250,
        "LogLedger",
        "if (policy.admitsSuccessor())",
        "if (true)",
    ),
    _mutant(
        "name goes before identity",
        250,
        "SplitRouter",
        "    String shown = topology.clusters().get(lastPrimary);\n    if (shown != null) {",
        "    String shown = topology.clusters().get(lastPrimary);\n    if (false) {",
    ),
    _mutant(
        "a log whose topic was replaced stays in the state",
        "SplitBoardTest.aReplacedTopicIsReportedAndReadNoMore",
        "SplitBoard",
        "      splits.remove(split.splitId());\n",
        "",
    ),
    _mutant(
        "a replaced cluster is reported again at each look",
        250,
        "SplitBoard",
        "return split == null || split.lost() != null || split.route()",
        "return split == null || split.route()",
        (
            "SplitBoard",
            ".filter(split -> split.lost() == null && split.route()",
            ".filter(split -> split.route()",
        ),
    ),
    _mutant(
        "where a log was cut, no epoch is kept",
        "PositionBookTest.aTruncatedLogIsReadFromWhereItWasCut",
        "PositionBook",
        "entry.position, end, endEpoch);",
        "entry.position, end, UnionSplit.NO_EPOCH);",
    ),
    _mutant(
        "a cluster's loss is told before what was read of it is emitted",
        "RareHistoriesTest.theLossOfAClusterBeginsBehindWhatWasReadOfIt",
        "UnionReader",
        "      board.follow(next).forEach(splitId -> handover.put(new ClusterGone(splitId)));",
        "      java.util.List<HandedOver> told = new java.util.ArrayList<>();\n"
        "      board.follow(next).forEach(splitId -> told.add(new ClusterGone(splitId)));\n"
        "      for (HandedOver item = handover.poll(); item != null; item = handover.poll()) {\n"
        "        told.add(item);\n      }\n      told.forEach(handover::put);",
    ),
    _mutant(
        "a former topic is taken for a successor",
        "PositionBookTest.tellsWhatIsThereInPlaceOfTheLog",
        "PositionBook",
        "order.formerTopicIds().contains(topic.id())",
        "false",
    ),
    _mutant(
        "a topic is replaced as soon as one broker shows another",
        99,
        "SplitBoard",
        "        && isDenied(split)\n        && !split.isFormer",
        "        && !split.isFormer",
    ),
    _mutant(
        "a reader that was shown another topic first is not asked again",
        140,
        "SplitBoard",
        " || isReplaced(split)) {",
        ") {",
    ),
    _mutant(
        "a former topic that discovery is shown counts as a successor",
        "SplitBoardTest.nobodyWaitsForALogThatNeitherReaderNorEnumeratorIsShown",
        "SplitBoard",
        "\n        && !split.isFormer(shownInstead(split));",
        ";",
    ),
    _mutant(
        "a log that neither reader nor discovery is shown holds the watermark",
        "SplitBoardTest.nobodyWaitsForALogThatNeitherReaderNorEnumeratorIsShown",
        "SplitBoard",
        "\n        && !isDenied(split);",
        ";",
    ),
    _mutant(
        "of a topic that the stream had before, the reader waits for discovery",
        "SplitBoardTest.ofATopicThatTheStreamHadBeforeTheReaderIsBelieved",
        "SplitBoard",
        "if (!split.topic().equals(current.view().topic()))",
        "if (false)",
    ),
    _mutant(
        "a topic that was shown at another address counts",
        "LogLedgerTest.theTopicThatAPrimaryShowsIsForgottenWithItsAddressAndItsName",
        "LogLedger",
        "    topics.keySet().retainAll(visible.keySet());\n",
        "",
    ),
    _mutant(
        "what a poll brings after the loss of its log was told is taken",
        "RareHistoriesTest.nothingIsReadOfAClusterOnceItsLossIsTold",
        "SplitBoard",
        "    split.voidOrder();\n",
        "",
    ),
)


def edited(mutant: Mutant) -> dict[str, str]:
    """The source of a mutant: text by class.

    Raises:
        ValueError: An edit does not fit the source any more.
    """
    texts: dict[str, str] = {}
    for file, old, new in mutant.edits:
        text = texts.get(file) or (_SOURCES / f"{file}.java").read_text()
        if text.count(old) != 1:
            raise ValueError(f"{mutant.name}: {text.count(old)} places in {file}.java read {old!r}")
        texts[file] = text.replace(old, new)
    return texts


def classes_of(mutant: Mutant, into: Path) -> None:
    """Compiles the classes of a mutant."""
    changed = []
    for file, text in edited(mutant).items():
        changed.append(into / f"{file}.java")
        changed[-1].write_text(text)
    path = os.pathsep.join((str(UNION / "classes"), (UNION / "test-class-path").read_text().strip()))
    subprocess.run(["javac", "-nowarn", "-d", str(into), "-cp", path, *map(str, changed)], check=True)


def hunt(mutant: Mutant) -> tuple[int, str]:
    """Plays histories until one fails; returns how many that took, and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        classes_of(mutant, Path(folder))
        UnionHistory.jvm = WorldJvm(Path(folder))
        try:
            run_state_machine_as_test(
                UnionHistory,
                settings=settings(
                    max_examples=MAX_HISTORIES,
                    stateful_step_count=30,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    phases=[Phase.generate],
                    report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        except BrokenPromiseError as found:
            return UnionHistory.jvm.histories, str(found).splitlines()[0]
        finally:
            UnionHistory.jvm.close()
    raise AssertionError(f"not noticed: {mutant.name}")


def fail(mutant: Mutant) -> str:
    """Runs the test that is to catch a mutant; returns what it said.

    Raises:
        AssertionError: It passes, or there is no such test.
    """
    assert isinstance(mutant.caught_by, str)
    with tempfile.TemporaryDirectory() as folder:
        classes_of(mutant, Path(folder))
        command = [*java("SingleTestMain", Path(folder)), *mutant.caught_by.split(".")]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == _TEST_FAILED, (
        f"{mutant.caught_by} ends with {ended.returncode}: {ended.stderr}"
    )
    return ended.stdout


def main(names: list[str]) -> None:
    for mutant in MUTANTS:
        if mutant.name not in names and (names or isinstance(mutant.caught_by, str)):
            continue
        try:
            took, said = hunt(mutant)
            print(f"{took:6} {mutant.name}: {said}", flush=True)
        except (AssertionError, ValueError, subprocess.CalledProcessError) as error:
            print(f"     - {mutant.name}: {error}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
