"""Gathers the evidence that a verdict rests on, from the topics of all primaries.

Everything is read with a plain Kafka client (see `anabranch.devkit.scan`), the outputs of the jobs included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anabranch.connectors.dead_letters import DEGRADED, DeadLetter
from anabranch.devkit.audit import Holdings, RunIndex, audit_topic
from anabranch.devkit.dataset import STREAM, Dataset
from anabranch.devkit.evidence import Account, Evidence, FaultEvidence, Letter, ReportedLoss, Tally
from anabranch.devkit.ledger import LedgerSeal, content_hash, hash_head, read_sealed_ledger
from anabranch.devkit.planted import RUN as PLANTED_RUN
from anabranch.devkit.planted import Planted
from anabranch.devkit.scan import header, read_topic, scan_primaries, scanned_so_far

__all__ = ["Clients", "Gathered", "gather", "latest_values"]

Clients = Mapping[str, Mapping[str, str]]
"""librdkafka configuration by primary."""

_TELL_EVERY_S = 5.0


@dataclass(frozen=True)
class Gathered:
    """The evidence, and what the logs hold by primary."""

    evidence: Evidence
    holdings: Holdings


def gather(
    clients: Clients,
    *,
    topology: str,
    mark: str,
    folder: Path,
    seals: Mapping[str, LedgerSeal],
    dataset: Dataset,
    planted: Sequence[Planted] = (),
    readers: Sequence[str],
    mended: Mapping[int, int] | None = None,
    copies_wanted: int,
    official: Mapping[str, float | None],
    undrained: Iterable[str] = (),
    fault: FaultEvidence,
    tell: Callable[[str], None] = lambda text: None,
) -> Gathered:
    """Reads the ledger, the input stream and the jobs' outputs.

    Args:
        clients: The primaries to read, in the order in which the ledgers number them.
        topology: Path of their document.
        mark: Of their loop; what is started here ends with it.
        folder: Where the producers' ledgers are.
        seals: By file name, what each of them must hold.
        dataset: The events that were replayed.
        planted: Bad records that were sent among the events.
        readers: Jobs that read the input, each with dead letters of its own.
        mended: Content hash by line of what was mended and replayed.
        copies_wanted: Primaries that must acknowledge a record.
        official: Official minutes by group.
        undrained: Logs whose end the jobs did not reach, in words.
        fault: What shows that the fault bit.
        tell: Called with how far it is.

    Raises:
        ConfigurationError: A ledger is not what its producer wrote.
        UnavailableError: A primary cannot be read; told at once, whatever else is still being read.
    """
    pool = ThreadPoolExecutor(2)
    try:
        scanning = pool.submit(scan_primaries, topology, list(clients), STREAM, folder, mark=mark)
        index = _index(dataset, planted)
        ledger = read_sealed_ledger(folder, seals)
        reading = pool.submit(_outputs, clients, index)
        _await(scanning, reading, folder, len(ledger.sent), tell)
    finally:
        # A scan that goes on where something else has failed ends with the loop.
        pool.shutdown(wait=False, cancel_futures=True)
    scans, outputs = scanning.result(), reading.result()
    tell("audit: holding what the logs hold and what the jobs wrote against the ledger")
    replayed = {bad.event.line: bad.mended for bad in planted if bad.event.line in (mended or {})}
    holdings = audit_topic(scans, STREAM, index, ledger, replayed)
    run_of = {line: run for run, lines in index.lines.items() for line in lines}
    evidence = Evidence(
        ledger=ledger,
        run_of=run_of,
        copies=holdings.copies,
        corrupt=holdings.corrupt,
        fabricated=holdings.fabricated,
        misplaced=holdings.misplaced,
        copies_wanted=copies_wanted,
        counted=outputs.counted,
        emitted_scores=outputs.scores,
        official_scores=official,
        undrained=tuple(undrained),
        planted={
            bad.event.line: Account(STREAM, bad.reason, content_hash(bad.event.payload)) for bad in planted
        },
        readers=tuple(readers),
        letters=outputs.letters,
        mended=dict(mended or {}),
        fault=fault,
        reported_losses=outputs.losses,
    )
    return Gathered(evidence, holdings)


def latest_values(clients: Clients, topic: str) -> dict[bytes, bytes]:
    """Per key, the value of the highest version over all primaries; deleted keys are left out."""
    latest: dict[bytes, tuple[bytes, bytes | None]] = {}
    for config in clients.values():
        for message in read_topic(config, topic):
            version = header(message, "anabranch-version") or b""
            key = message.key() or b""
            if key not in latest or version > latest[key][0]:
                deleted = header(message, "anabranch-op") == b"d"
                latest[key] = (version, None if deleted else message.value())
    return {key: value for key, (_, value) in latest.items() if value is not None}


@dataclass(frozen=True)
class _Outputs:
    """What the jobs wrote; see `Evidence`."""

    counted: dict[str, Tally]
    scores: dict[str, float | None]
    letters: dict[int, tuple[Letter, ...]]
    losses: tuple[ReportedLoss, ...]


def _outputs(clients: Clients, index: RunIndex) -> _Outputs:
    return _Outputs(_counted(clients), _scores(clients), *_dead_letters(clients, index))


def _await(
    scanning: Future[dict[str, bytes]],
    reading: Future[_Outputs],
    folder: Path,
    sent: int,
    tell: Callable[[str], None],
) -> None:
    """Returns when input and outputs are read, or raises as soon as one of them cannot be."""
    both: list[Future[Any]] = [scanning, reading]
    while True:
        done, left = wait(both, timeout=_TELL_EVERY_S, return_when=FIRST_EXCEPTION)
        for each in done:
            each.result()
        if not left:
            return
        # How many copies there are is what the scan is about to find out.
        so_far = f"{scanned_so_far(STREAM, folder):,} records read, of {sent:,} and their copies"
        input_is = "all records read" if scanning.done() else so_far
        tell(f"audit: {input_is}; what the jobs wrote is {'' if reading.done() else 'being '}read")


def _index(dataset: Dataset, planted: Sequence[Planted]) -> RunIndex:
    lines: dict[str, list[int]] = {run: [0] * count for run, count in dataset.runs.items()}
    for event in dataset.events:
        lines[event.run][event.sequence] = event.line
    if planted:
        lines[PLANTED_RUN] = [bad.event.line for bad in planted]
    return RunIndex(lines)


def _counted(clients: Clients) -> dict[str, Tally]:
    tallies: dict[str, Tally] = {}
    for row in _rows(clients, "run-counts"):
        tallies[row["run"]] = Tally(row["records"], row["hash_sum"] % (1 << 64))
    return tallies


def _scores(clients: Clients) -> dict[str, float | None]:
    return {row["group"]: row["score_minutes"] for row in _rows(clients, "leaderboard")}


def _rows(clients: Clients, topic: str) -> list[dict[str, Any]]:
    return [json.loads(value) for value in latest_values(clients, topic).values()]


def _dead_letters(
    clients: Clients, index: RunIndex
) -> tuple[dict[int, tuple[Letter, ...]], tuple[ReportedLoss, ...]]:
    """Distinct dead letters by input line (-1: of none), and losses that were reported.

    Both jobs write their letters under one id. A copy of a letter, or one that is written again after a
    restore, has id, job and content of the first.
    """
    letters: dict[int, dict[tuple[bytes, Letter], None]] = {}
    losses: dict[bytes, ReportedLoss] = {}
    for config in clients.values():
        for message in read_topic(config, "dead-letters"):
            identity = header(message, "anabranch-id") or b""
            letter = DeadLetter.decode(message.value() or b"")
            if letter.reason == "lost":
                losses[identity] = ReportedLoss(letter.primary, letter.detail)
                continue
            if letter.reason == DEGRADED:
                # Nothing is wrong with that record. Where its copies are is seen in the logs.
                continue
            line = index.line_of(letter.record_id)
            known = letters.setdefault(-1 if line is None else line, {})
            known[identity, Letter(letter.job, _account(letter))] = None
    found = {line: tuple(letter for _, letter in known) for line, known in letters.items()}
    return found, tuple(losses.values())


def _account(letter: DeadLetter) -> Account:
    torn = letter.complete and hashlib.sha256(letter.value or b"").digest() != letter.value_sha256
    return Account(letter.stream, letter.reason, None if torn else hash_head(letter.value_sha256))
