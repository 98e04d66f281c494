"""The verifier: holds the ledger, the topics and what the jobs emitted against each other.

It knows no clients and no clocks; `verify` is a function of evidence that others gathered, so that each kind
of failure can be planted in a test. What must hold is *acknowledged ⊆ counted ⊆ sent*: every record that a
primary acknowledged is in a log and was counted exactly once, and nothing was counted that was not sent. As
all faults leave a primary alive, *input = sent = acknowledged* must hold, too, but for planted bad records.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from anabranch.devkit.evidence import Evidence, Tally, tally_of

__all__ = ["SCORE_TOLERANCE_MIN", "Finding", "Verdict", "VerdictName", "verify"]

# The leaderboard must equal the official table to this many minutes.
SCORE_TOLERANCE_MIN = 1e-6


class VerdictName(StrEnum):
    """Names of the verdicts, each with the sentence that explains it."""

    OK = "OK"
    LOST = "LOST"
    DUPLICATE = "DUPLICATE"
    CORRUPT = "CORRUPT"
    FABRICATED = "FABRICATED"
    STUCK = "STUCK"
    WRONG_SCORE = "WRONG_SCORE"
    INVALID_TEST = "INVALID_TEST"

    @property
    def meaning(self) -> str:
        """One sentence for a person."""
        return _MEANINGS[self]


_MEANINGS = {
    VerdictName.OK: "every acknowledged record was counted exactly once",
    VerdictName.LOST: "an acknowledged record, or a copy of it, is not where it should be",
    VerdictName.DUPLICATE: "a record was counted more than once",
    VerdictName.CORRUPT: "a record came out with other content than it was sent with",
    VerdictName.FABRICATED: "something came out that nobody sent",
    VerdictName.STUCK: "not every record was taken by a primary, or not every log read to its end in time",
    VerdictName.WRONG_SCORE: "the leaderboard is not the official one",
    VerdictName.INVALID_TEST: "the fault, or the bad records, did not bite, so this run proves nothing",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: its name, and where."""

    name: VerdictName
    detail: str


@dataclass(frozen=True)
class Verdict:
    """The outcome: the findings in order of gravity, and the figures that it rests on."""

    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> VerdictName:
        """The gravest finding's name, or OK."""
        return self.findings[0].name if self.findings else VerdictName.OK

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def as_json(self) -> dict[str, Any]:
        """The verdict for machines; at most a hundred findings."""
        return {
            "verdict": str(self.name),
            "findings": [{"name": str(f.name), "detail": f.detail} for f in self.findings[:100]],
            "figures": dict(self.figures),
        }


def verify(evidence: Evidence) -> Verdict:
    """Names everything that is wrong, gravest first.

    The verdict is INVALID_TEST only where nothing else is wrong: a failure counts whether the run proves
    something or not.
    """
    findings = [
        *_sends(evidence),
        *_topics(evidence),
        *_copies(evidence),
        *_counts(evidence),
        *_dead_letters(evidence),
        *_scores(evidence),
        *(Finding(VerdictName.STUCK, text) for text in evidence.undrained),
    ]
    order = {name: rank for rank, name in enumerate(_GRAVITY)}
    findings.sort(key=lambda finding: order[finding.name])
    if not findings:
        missing = [*_missing_bite(evidence), *_missing_bad_records(evidence)]
        findings = [Finding(VerdictName.INVALID_TEST, text) for text in missing]
    return Verdict(tuple(findings), _figures(evidence))


# A run that is stuck also looks as if records were lost; that it is stuck says more.
_GRAVITY = (
    VerdictName.FABRICATED,
    VerdictName.CORRUPT,
    VerdictName.STUCK,
    VerdictName.LOST,
    VerdictName.DUPLICATE,
    VerdictName.WRONG_SCORE,
    VerdictName.INVALID_TEST,
)


def _sends(evidence: Evidence) -> Iterable[Finding]:
    """Every good line was sent and acknowledged.

    What is not is no loss, for nobody was told that it is safe. But a primary lived all the time.
    """
    ledger = evidence.ledger
    unsent: Counter[str] = Counter()
    without_outcome: Counter[str] = Counter()
    given_up: Counter[str] = Counter()
    for line, run in evidence.run_of.items():
        if line in evidence.planted:
            continue
        if line not in ledger.sent:
            unsent[run] += 1
        elif line in ledger.failed:
            given_up[run] += 1
        elif line not in ledger.acknowledged:
            without_outcome[run] += 1
    for counts, what in (
        (unsent, "were never sent"),
        (without_outcome, "were sent, and neither acknowledged nor given up"),
        (given_up, "were given up, though a primary lived"),
    ):
        for run, count in counts.items():
            yield Finding(VerdictName.STUCK, f"{count} records of {run} {what}")


def _topics(evidence: Evidence) -> Iterable[Finding]:
    yield from (Finding(VerdictName.FABRICATED, f"unknown id at {place}") for place in evidence.fabricated)
    yield from (Finding(VerdictName.CORRUPT, f"changed content at {place}") for place in evidence.corrupt)
    missing: dict[str, int] = defaultdict(int)
    for line in evidence.ledger.acknowledged:
        if not evidence.copies.get(line):
            missing[evidence.run_of[line]] += 1
    for run, count in missing.items():
        yield Finding(VerdictName.LOST, f"{count} acknowledged records of {run} are in no log")


def _copies(evidence: Evidence) -> Iterable[Finding]:
    """A record is acknowledged by enough primaries, and each has it where it said."""
    ledger, wanted = evidence.ledger, evidence.copies_wanted
    too_few: Counter[str] = Counter()
    for line, primaries in ledger.acknowledged.items():
        if len(set(primaries)) < wanted and line not in ledger.failed:
            too_few[evidence.run_of[line]] += 1
    for run, count in too_few.items():
        text = f"{count} records of {run} were acknowledged by fewer than {wanted} primaries"
        yield Finding(VerdictName.LOST, text)
    for primary, count in evidence.misplaced.items():
        if not evidence.fault.destroyed(primary):
            text = f"{count} records are not where primary {primary} acknowledged them"
            yield Finding(VerdictName.LOST, text)


def _counts(evidence: Evidence) -> Iterable[Finding]:
    """Counted must be exactly what the logs hold, once each; that lies between acknowledged and sent."""
    sent = evidence.ledger.sent
    present = {line: sent[line] for line in evidence.copies if line not in evidence.planted}
    expected = tally_of({**present, **evidence.mended}, evidence.run_of)
    duplicates: dict[str, int] = defaultdict(int)
    for line, copies in evidence.copies.items():
        if copies > 1:
            duplicates[evidence.run_of[line]] += copies - 1
    for run in sorted(expected.keys() | evidence.counted.keys()):
        want, got = expected.get(run, Tally()), evidence.counted.get(run, Tally())
        if want != got:
            yield _miscount(run, want, got, duplicates[run])


def _miscount(run: str, want: Tally, got: Tally, duplicates: int) -> Finding:
    text = f"{run}: {got.records} counted, {want.records} expected"
    if got.records < want.records:
        return Finding(VerdictName.LOST, text)
    if got.records == want.records:
        return Finding(VerdictName.CORRUPT, f"{text}, but the sums of their hashes differ")
    if want.records == 0:
        return Finding(VerdictName.FABRICATED, f"{text}: nobody sent it")
    # More than the copies in the logs explain: counted twice by the pipeline itself, as after a bad restore.
    return Finding(VerdictName.DUPLICATE, f"{text}; the logs hold {duplicates} raw duplicates of it")


def _dead_letters(evidence: Evidence) -> Iterable[Finding]:
    for line in sorted(evidence.planted.keys() & evidence.copies.keys()):
        yield from _account_of(line, evidence)
    for loss in evidence.reported_losses:
        # A disk that was destroyed is reported, and rightly so; its records are on another primary.
        if not (loss.of_a_cluster and evidence.fault.destroyed(loss.primary)):
            yield Finding(VerdictName.LOST, f"reported: {loss.detail}")
    for line in sorted(evidence.letters.keys() - evidence.planted.keys()):
        yield Finding(VerdictName.CORRUPT, f"good record {line} became a dead letter")


def _account_of(line: int, evidence: Evidence) -> Iterable[Finding]:
    """One letter of each job, and each says what is true of the record."""
    written: Counter[str] = Counter()
    for job, account in evidence.letters.get(line, ()):
        written[job] += 1
        if account != evidence.planted[line]:
            text = (
                f"a dead letter of {job} about bad record {line} says {account}, not {evidence.planted[line]}"
            )
            yield Finding(VerdictName.CORRUPT, text)
    for job in evidence.readers:
        count = written.pop(job, 0)
        if count == 0:
            yield Finding(VerdictName.LOST, f"bad record {line} is in no dead letter of {job}")
        elif count > 1:
            yield Finding(VerdictName.DUPLICATE, f"bad record {line} has {count} dead letters of {job}")
    for job in written:
        yield Finding(VerdictName.FABRICATED, f"'{job}' reads no bad record, but wrote a letter about {line}")


def _scores(evidence: Evidence) -> Iterable[Finding]:
    for group in sorted(evidence.official_scores.keys() | evidence.emitted_scores.keys()):
        if group not in evidence.official_scores:
            yield Finding(VerdictName.WRONG_SCORE, f"{group} is not in the official table")
        elif group not in evidence.emitted_scores:
            yield Finding(VerdictName.WRONG_SCORE, f"{group} is not on the leaderboard")
        elif not _same_score(evidence.official_scores[group], evidence.emitted_scores[group]):
            text = f"{group}: {evidence.emitted_scores[group]}, official {evidence.official_scores[group]}"
            yield Finding(VerdictName.WRONG_SCORE, text)


def _same_score(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is right
    return abs(left - right) <= SCORE_TOLERANCE_MIN


def _missing_bite(evidence: Evidence) -> Iterable[str]:
    fault = evidence.fault
    if fault.kind == "none":
        return
    if fault.unread_on_victim <= 0:
        yield "the victim held no unread record at the fault"
    if fault.kind == "taskmanager":
        if fault.restores < 1:
            yield "no job was restored from a checkpoint"
        return
    if fault.ambiguous_sends <= 0:
        yield "no send was ambiguous"
    if fault.kind == "wipe":
        if not evidence.misplaced.get(fault.victim):
            yield "no acknowledged copy was destroyed"
    elif _raw_duplicates(evidence) <= 0:
        yield "the logs hold no raw duplicate"


def _missing_bad_records(evidence: Evidence) -> Iterable[str]:
    """A producer may refuse a bad record; but then nothing shows what the jobs make of it."""
    absent = evidence.planted.keys() - evidence.copies.keys()
    if absent:
        yield f"{len(absent)} of {len(evidence.planted)} bad records are in no log"
    if evidence.planted and not evidence.mended:
        yield "no bad record was mended and replayed"


def _raw_duplicates(evidence: Evidence) -> int:
    return sum(evidence.copies.values()) - len(evidence.copies)


def _figures(evidence: Evidence) -> dict[str, int]:
    return {
        "sent": len(evidence.ledger.sent),
        "acknowledged": len(evidence.ledger.acknowledged),
        "failed": len(evidence.ledger.failed),
        "unknown": len(evidence.ledger.unknown),
        "in_logs": len(evidence.copies),
        "raw_duplicates": _raw_duplicates(evidence),
        "counted": sum(tally.records for tally in evidence.counted.values()),
        "runs": len(evidence.counted),
        "planted": len(evidence.planted),
        "dead_lettered": len(evidence.letters),
        "mended": len(evidence.mended),
        "groups": len(evidence.official_scores),
        "unread_on_victim": evidence.fault.unread_on_victim,
        "ambiguous_sends": evidence.fault.ambiguous_sends,
        "restores": evidence.fault.restores,
    }
