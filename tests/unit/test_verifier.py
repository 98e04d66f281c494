"""The verifier must name every kind of failure that is planted, and nothing where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anabranch.devkit.evidence import Account, Evidence, FaultEvidence, Letter, ReportedLoss, Tally
from anabranch.devkit.ledger import Ledger, content_hash
from anabranch.devkit.verifier import VerdictName, verify

RUNS = {line: f"org/system/bench/result_{line % 3}" for line in range(30)}
HASHES = {line: content_hash(b"payload %d" % line) for line in range(30)}
BAD, MENDED = 100, 101  # planted bad records, in the logs and in the dead letters; one is mended
TRUE = Account("logs", "malformed", content_hash(b"bad"))
BOTH = (Letter("one", TRUE), Letter("two", TRUE))
MENDED_RUN = {"planted/bad-records": Tally().plus(content_hash(b"mended"))}


def clean() -> Evidence:
    """A run in which everything went well, with a fault that bit."""
    run_of = {**RUNS, **dict.fromkeys((BAD, MENDED), "planted/bad-records")}
    sent = {**HASHES, **dict.fromkeys((BAD, MENDED), content_hash(b"bad"))}
    return Evidence(
        ledger=Ledger(sent=sent, acknowledged=dict.fromkeys(sent, (0,)), unknown={4}),
        run_of=run_of,
        copies={**dict.fromkeys(sent, 1), 4: 2},
        corrupt=[],
        fabricated=[],
        misplaced={},
        copies_wanted=1,
        counted=counted({}),
        emitted_scores={"org/system/bench": 12.5, "org/system/other": None},
        official_scores={"org/system/bench": 12.5 + 4e-7, "org/system/other": None},
        undrained=[],
        planted={BAD: TRUE, MENDED: TRUE},
        readers=("one", "two"),
        letters={BAD: BOTH, MENDED: BOTH},
        mended={MENDED: content_hash(b"mended")},
        fault=FaultEvidence("kill", unread_on_victim=10, ambiguous_sends=1),
    )


def counted(change: dict[int, int]) -> dict[str, Tally]:
    """What the jobs would emit if some lines were counted another number of times than once."""
    tallies = dict(MENDED_RUN)
    for line, digest in HASHES.items():
        for _ in range(change.get(line, 1)):
            tallies[RUNS[line]] = tallies.get(RUNS[line], Tally()).plus(digest)
    return tallies


def test_clean_run_is_ok() -> None:
    verdict = verify(clean())
    assert verdict.ok
    assert verdict.name is VerdictName.OK
    assert verdict.figures["raw_duplicates"] == 1


def test_record_that_was_not_counted_is_lost() -> None:
    assert verify(replace(clean(), counted=counted({7: 0}))).name is VerdictName.LOST


def test_acknowledged_record_that_no_log_holds_is_lost() -> None:
    evidence = clean()
    copies = {line: count for line, count in evidence.copies.items() if line != 7}
    verdict = verify(replace(evidence, copies=copies, counted=counted({7: 0})))
    assert verdict.name is VerdictName.LOST


def without_ack(evidence: Evidence, *lines: int) -> Evidence:
    """Nobody acknowledged these lines, and no log holds them."""
    acknowledged: dict[int, tuple[int, ...]] = dict.fromkeys(evidence.ledger.sent.keys() - set(lines), (0,))
    copies = {line: count for line, count in evidence.copies.items() if line not in lines}
    ledger = replace(evidence.ledger, acknowledged=acknowledged)
    return replace(evidence, ledger=ledger, copies=copies, counted=counted(dict.fromkeys(lines, 0)))


def test_send_that_was_given_up_is_no_loss_but_a_primary_lived() -> None:
    evidence = without_ack(clean(), 7)
    verdict = verify(replace(evidence, ledger=replace(evidence.ledger, failed={7})))
    assert {finding.name for finding in verdict.findings} == {VerdictName.STUCK}
    assert verdict.findings[0].detail == f"1 records of {RUNS[7]} were given up, though a primary lived"


def test_send_without_an_outcome_is_stuck() -> None:
    verdict = verify(without_ack(clean(), 7, 10))
    assert [finding.name for finding in verdict.findings] == [VerdictName.STUCK]
    text = f"2 records of {RUNS[7]} were sent, and neither acknowledged nor given up"
    assert verdict.findings[0].detail == text


def test_line_of_the_input_that_was_never_sent_is_stuck() -> None:
    evidence = without_ack(clean(), 7)
    sent = {line: digest for line, digest in evidence.ledger.sent.items() if line != 7}
    verdict = verify(replace(evidence, ledger=replace(evidence.ledger, sent=sent)))
    assert [finding.name for finding in verdict.findings] == [VerdictName.STUCK]
    assert verdict.findings[0].detail == f"1 records of {RUNS[7]} were never sent"


def test_unacknowledged_record_that_a_log_holds_must_be_counted() -> None:
    evidence = clean()
    ledger = replace(
        evidence.ledger,
        acknowledged={line: (0,) for line in evidence.ledger.sent if line != 7},
        failed={7},
    )
    names = {finding.name for finding in verify(replace(evidence, ledger=ledger)).findings}
    assert names == {VerdictName.STUCK}
    lost = verify(replace(evidence, ledger=ledger, counted=counted({7: 0})))
    assert {finding.name for finding in lost.findings} == {VerdictName.STUCK, VerdictName.LOST}


def test_record_counted_twice_that_is_twice_in_the_logs_is_a_duplicate() -> None:
    assert verify(replace(clean(), counted=counted({4: 2}))).name is VerdictName.DUPLICATE


def test_record_counted_twice_that_is_once_in_the_logs_is_a_duplicate_of_the_pipelines_own() -> None:
    verdict = verify(replace(clean(), counted=counted({6: 2})))
    assert verdict.name is VerdictName.DUPLICATE
    assert "0 raw duplicates" in verdict.findings[0].detail


def test_loss_and_duplicate_that_cancel_in_the_count_are_seen_in_the_sum() -> None:
    # Lines 4 and 7 belong to one run: one doubled, one lost.
    assert verify(replace(clean(), counted=counted({4: 2, 7: 0}))).name is VerdictName.CORRUPT


def test_two_equal_duplicates_do_not_cancel() -> None:
    # An exclusive-or of hashes would be unchanged by a record that is counted three times.
    verdict = verify(replace(clean(), counted=counted({4: 3}), copies={**clean().copies, 4: 3}))
    assert verdict.name is VerdictName.DUPLICATE


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"corrupt": ["a/t-0@3"]}, VerdictName.CORRUPT),
        ({"fabricated": ["a/t-0@3"]}, VerdictName.FABRICATED),
        (
            {"counted": {**counted({}), "nobody/ran/this/result_0": Tally(1, 5)}},
            VerdictName.FABRICATED,
        ),
        ({"misplaced": {"a": 3}}, VerdictName.LOST),
        ({"copies_wanted": 2}, VerdictName.LOST),
        ({"undrained": ["b/training-logs-3 at 17 of 40"]}, VerdictName.STUCK),
        ({"emitted_scores": {"org/system/bench": 12.5}}, VerdictName.WRONG_SCORE),
        ({"emitted_scores": {"org/system/bench": 12.51, "org/system/other": None}}, VerdictName.WRONG_SCORE),
        ({"emitted_scores": {"org/system/bench": 12.5, "org/system/other": 1.0}}, VerdictName.WRONG_SCORE),
        ({"letters": {MENDED: BOTH}}, VerdictName.LOST),
        ({"letters": {BAD: (*BOTH, BOTH[0]), MENDED: BOTH}}, VerdictName.DUPLICATE),
        ({"letters": {BAD: BOTH, MENDED: BOTH, 5: BOTH}}, VerdictName.CORRUPT),
        ({"fault": FaultEvidence("kill", 0, 1)}, VerdictName.INVALID_TEST),
        ({"fault": FaultEvidence("kill", 10, 0)}, VerdictName.INVALID_TEST),
        ({"fault": FaultEvidence("taskmanager", 10, 0, restores=0)}, VerdictName.INVALID_TEST),
        ({"fault": FaultEvidence("taskmanager", 0, 0, restores=1)}, VerdictName.INVALID_TEST),
    ],
)
def test_planted_failure_is_named(change: dict[str, object], name: VerdictName) -> None:
    verdict = verify(replace(clean(), **change))  # type: ignore[arg-type]
    assert verdict.name is name
    assert verdict.findings[0].detail


def test_fault_without_raw_duplicates_proves_nothing() -> None:
    evidence = clean()
    verdict = verify(replace(evidence, copies=dict.fromkeys(evidence.copies, 1)))
    assert verdict.name is VerdictName.INVALID_TEST


def test_mended_record_must_be_counted_once() -> None:
    evidence = clean()
    never = {run: tally for run, tally in counted({}).items() if run not in MENDED_RUN}
    assert verify(replace(evidence, counted=never)).name is VerdictName.LOST
    twice = MENDED_RUN["planted/bad-records"].plus(content_hash(b"mended"))
    verdict = verify(replace(evidence, counted={**never, "planted/bad-records": twice}))
    assert verdict.name is VerdictName.DUPLICATE


def test_bad_record_that_never_reached_a_log_proves_nothing() -> None:
    evidence = clean()
    sent = {line: digest for line, digest in evidence.ledger.sent.items() if line != BAD}
    copies = {line: count for line, count in evidence.copies.items() if line != BAD}
    ledger = replace(evidence.ledger, sent=sent, acknowledged=dict.fromkeys(sent, (0,)))
    verdict = verify(replace(evidence, ledger=ledger, copies=copies, letters={MENDED: BOTH}))
    assert verdict.name is VerdictName.INVALID_TEST
    assert verdict.findings[0].detail == "1 of 2 bad records are in no log"


@pytest.mark.parametrize(
    ("second", "name"),
    [
        (Letter("two", TRUE._replace(stream="run-counts")), VerdictName.CORRUPT),
        (Letter("two", TRUE._replace(reason="too-large")), VerdictName.CORRUPT),
        (Letter("two", TRUE._replace(value_hash=7)), VerdictName.CORRUPT),
        (Letter("two", TRUE._replace(value_hash=None)), VerdictName.CORRUPT),
        (Letter("one", TRUE), VerdictName.LOST),  # both of one job
        (Letter("", TRUE), VerdictName.FABRICATED),
    ],
)
def test_bad_record_has_a_true_letter_of_each_job(second: Letter, name: VerdictName) -> None:
    verdict = verify(replace(clean(), letters={BAD: (BOTH[0], second), MENDED: BOTH}))
    assert verdict.name is name


def test_run_in_which_nothing_was_mended_proves_nothing() -> None:
    never = {run: tally for run, tally in counted({}).items() if run not in MENDED_RUN}
    verdict = verify(replace(clean(), mended={}, counted=never))
    assert verdict.name is VerdictName.INVALID_TEST
    assert verdict.findings[0].detail == "no bad record was mended and replayed"


def test_stuck_run_is_called_stuck_although_records_are_missing() -> None:
    verdict = verify(replace(clean(), undrained=["b/training-logs-3 at 17 of 40"], counted=counted({7: 0})))
    assert verdict.name is VerdictName.STUCK


def test_failure_counts_even_where_the_fault_did_not_bite() -> None:
    verdict = verify(replace(clean(), fault=FaultEvidence("kill"), counted=counted({7: 0})))
    assert verdict.name is VerdictName.LOST


def test_sum_of_hashes_wraps_at_64_bits() -> None:
    tally = Tally().plus(-1).plus(2)
    assert tally == Tally(2, 1)


def test_every_verdict_has_a_sentence() -> None:
    assert all(name.meaning for name in VerdictName)


def wiped(evidence: Evidence) -> Evidence:
    """The disk of primary b, with the second copy of each record, was destroyed."""
    ledger = replace(evidence.ledger, acknowledged=dict.fromkeys(evidence.ledger.sent, (0, 1)))
    fault = replace(evidence.fault, kind="wipe", victim="b")
    return replace(evidence, ledger=ledger, copies_wanted=2, misplaced={"b": 30}, fault=fault)


def test_two_acknowledgements_of_one_primary_are_not_two_copies() -> None:
    evidence = wiped(clean())
    ledger = replace(evidence.ledger, acknowledged={**evidence.ledger.acknowledged, 7: (1, 1)})
    verdict = verify(replace(evidence, ledger=ledger))
    assert verdict.name is VerdictName.LOST
    text = f"1 records of {RUNS[7]} were acknowledged by fewer than 2 primaries"
    assert verdict.findings[0].detail == text


def test_copies_may_be_gone_from_the_disk_that_was_destroyed_only() -> None:
    evidence = wiped(clean())
    assert verify(evidence).ok
    verdict = verify(replace(evidence, misplaced={"a": 1, "b": 30}))
    assert verdict.name is VerdictName.LOST
    assert verdict.findings[0].detail == "1 records are not where primary a acknowledged them"


def test_wipe_that_destroyed_no_copy_proves_nothing() -> None:
    verdict = verify(replace(wiped(clean()), misplaced={}))
    assert verdict.name is VerdictName.INVALID_TEST
    assert verdict.findings[0].detail == "no acknowledged copy was destroyed"


@pytest.mark.parametrize(
    ("primary", "detail", "excused"),
    [
        ("b", "CLUSTER_REPLACED: b/logs-0 lost offsets 3..its end: …", True),
        ("a", "CLUSTER_REPLACED: a/logs-0 lost offsets 3..its end: …", False),
        ("b", "DELETED: b/logs-0 lost offsets 3..5: …", False),
        ("b", "TOPIC_REPLACED: b/logs-0 lost offsets 3..its end: …", False),
    ],
)
def test_reported_loss_is_one_unless_it_is_the_disk_that_was_destroyed(
    primary: str, detail: str, excused: bool
) -> None:
    evidence = replace(clean(), reported_losses=(ReportedLoss(primary, detail),))
    assert verify(evidence).name is VerdictName.LOST
    assert verify(wiped(evidence)).ok is excused
