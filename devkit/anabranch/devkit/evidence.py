"""What a verdict rests on, as plain data: others gather it, `anabranch.devkit.verifier` judges it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from anabranch.devkit.ledger import Ledger

__all__ = ["Account", "Evidence", "FaultEvidence", "Letter", "ReportedLoss", "Tally", "tally_of"]

_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Tally:
    """Count and order-free sum (mod 2^64, unsigned) of the content hashes of some records."""

    records: int = 0
    hash_sum: int = 0

    def plus(self, content_hash: int) -> Tally:
        """This tally and one record more."""
        return Tally(self.records + 1, (self.hash_sum + content_hash) & _MASK)


@dataclass(frozen=True)
class FaultEvidence:
    """What shows that the fault really hit while work remained.

    Attributes:
        kind: The fault that was asked for.
        victim: Name of the primary, or number of the TaskManager, that it hit.
        unread_on_victim: Records that the victim had acknowledged and a job had not read when it went;
            where a TaskManager is the victim, records that no completed checkpoint covered.
        ambiguous_sends: Records with an attempt that stayed unanswered.
        restores: Restores from a checkpoint, over all jobs.
    """

    kind: str
    unread_on_victim: int = 0
    ambiguous_sends: int = 0
    restores: int = 0
    victim: str = ""

    def destroyed(self, primary: str) -> bool:
        """Whether what that primary held until the fault is gone for good, and rightly so."""
        return self.kind == "wipe" and primary == self.victim


class Account(NamedTuple):
    """What a dead letter says of a bad record, or must say.

    Attributes:
        stream: Where the record was read.
        reason: What is wrong with it.
        value_hash: Content hash of its value; None where the bytes kept are not those of the hash.
    """

    stream: str
    reason: str
    value_hash: int | None


class Letter(NamedTuple):
    """One dead letter: which job wrote it, and what it says."""

    job: str
    account: Account


@dataclass(frozen=True, slots=True)
class ReportedLoss:
    """A dead letter that stands for a range of records that can no longer be read.

    Attributes:
        primary: Where they were.
        detail: In words, the kind of loss first (`LossReport.java`).
    """

    primary: str
    detail: str

    @property
    def of_a_cluster(self) -> bool:
        """The primary came back as another Kafka cluster."""
        return self.detail.startswith("CLUSTER_REPLACED: ")


@dataclass(frozen=True)
class Evidence:
    """All that a verdict rests on.

    Attributes:
        ledger: What was sent and acknowledged.
        run_of: Run by input line, for every line that is to be sent.
        copies: Raw copies by line in the logs of the primaries that still exist.
        corrupt: Places in the logs with a known id and other content.
        fabricated: Places in the logs with an unknown id.
        misplaced: By primary, how many records are not where it acknowledged them.
        copies_wanted: How many primaries must acknowledge a record.
        counted: Per run, what the jobs counted.
        emitted_scores: Leaderboard, minutes by group.
        official_scores: The table that it must equal.
        undrained: Logs whose end was not reached in time, and mended records that were not replayed, in
            words.
        planted: What the dead letters must say of each planted bad record, by line.
        readers: Jobs that read the stream; each must write a letter about each bad record.
        letters: Distinct dead letters by line.
        mended: Content hash, by line, of what each mended record was replayed with.
        fault: What shows that the fault bit.
        reported_losses: Ranges of records that a job says can no longer be read.
    """

    ledger: Ledger
    run_of: Mapping[int, str]
    copies: Mapping[int, int]
    corrupt: Iterable[str]
    fabricated: Iterable[str]
    misplaced: Mapping[str, int]
    copies_wanted: int
    counted: Mapping[str, Tally]
    emitted_scores: Mapping[str, float | None]
    official_scores: Mapping[str, float | None]
    undrained: Iterable[str]
    planted: Mapping[int, Account]
    readers: Iterable[str]
    letters: Mapping[int, Iterable[Letter]]
    mended: Mapping[int, int]
    fault: FaultEvidence
    reported_losses: Iterable[ReportedLoss] = ()


def tally_of(hashes: Mapping[int, int], run_of: Mapping[int, str]) -> dict[str, Tally]:
    """Per run, the tally of some lines with their content hashes."""
    # Plain numbers and no object a record: there are a million.
    records: Counter[str] = Counter()
    sums: dict[str, int] = defaultdict(int)
    for line, digest in hashes.items():
        run = run_of[line]
        records[run] += 1
        sums[run] += digest
    return {run: Tally(count, sums[run] & _MASK) for run, count in records.items()}
