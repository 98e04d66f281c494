"""The audit: what the logs really hold, held against the ledger by record id and content hash.

What a log holds comes from :mod:`anabranch.devkit.scan`, which shares nothing with the pipeline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anabranch.connectors.ids import RecordId
from anabranch.devkit.dataset import record_id, scope_of
from anabranch.devkit.ledger import Ledger, Places, content_hash
from anabranch.devkit.scan import SCANNED

__all__ = ["Holdings", "RunIndex", "audit_topic"]


class RunIndex:
    """Finds the input line of a record id without knowing the order in which it was sent."""

    def __init__(self, lines: Mapping[str, list[int]]) -> None:
        """``lines``: per run, the input line of each position."""
        self.lines = lines
        self._run_of = {RecordId.supplied(scope_of(run), 0).incarnation: run for run in lines}

    def line_of(self, record_id: bytes) -> int | None:
        """The input line, or None where no input has that id."""
        run = self._run_of.get(record_id[:10])
        if run is None:
            return None
        lines = self.lines[run]
        sequence = int.from_bytes(record_id[10:], "big")
        return lines[sequence] if sequence < len(lines) else None

    def replayed_as(self, mended: Mapping[int, bytes]) -> dict[bytes, int]:
        """The ids under which these lines are replayed the first time, with the hash of what each then is."""
        return {
            bytes(RecordId.mended(record_id(run, sequence), mended[line], 1)): content_hash(mended[line])
            for run, lines in self.lines.items()
            for sequence, line in enumerate(lines)
            if line in mended
        }


@dataclass
class Holdings:
    """What the logs of all primaries hold of one stream.

    Attributes:
        copies: Raw copies by input line.
        destinations: By primary, how many records lie there, and how many of them lie elsewhere, too.
        corrupt: Places whose id is known and whose content is not what was sent.
        fabricated: Places whose id no ledger entry has.
        misplaced: By primary, how many records are not where it acknowledged them.
    """

    copies: Counter[int] = field(default_factory=Counter)
    destinations: dict[str, Counter[str]] = field(default_factory=dict)
    corrupt: list[str] = field(default_factory=list)
    fabricated: list[str] = field(default_factory=list)
    misplaced: dict[str, int] = field(default_factory=dict)

    @property
    def raw_duplicates(self) -> int:
        """Raw records beyond the first of their line."""
        return self.copies.total() - len(self.copies)


def audit_topic(
    scans: Mapping[str, bytes],
    topic: str,
    index: RunIndex,
    ledger: Ledger,
    mended: Mapping[int, bytes] | None = None,
) -> Holdings:
    """Holds each record of a topic against the ledger.

    Args:
        scans: By primary, what :func:`~anabranch.devkit.scan.scan_topic` found, in the order in which the
            ledger numbers them.
        topic: Its name, for places.
        index: Finds a record's input line.
        ledger: What was sent.
        mended: What lines were replayed as from the dead letters; these are known, not fabricated.
    """
    holdings = Holdings()
    replayed_as = index.replayed_as(mended or {})
    for number, (primary, scan) in enumerate(scans.items()):
        held: dict[int, int] = {}
        went = holdings.destinations.setdefault(primary, Counter())
        for identity, digest, partition, offset in SCANNED.iter_unpack(scan):
            line = index.line_of(identity)
            if line is not None and digest == ledger.sent.get(line):
                went["further copies" if line in holdings.copies else "first copies"] += 1
                holdings.copies[line] += 1
                held[Places.number(partition, offset)] = line
            elif replayed_as.get(identity) == digest:
                went["replayed dead letters"] += 1
            else:
                wrong = holdings.corrupt if line in ledger.sent else holdings.fabricated
                wrong.append(f"{primary}/{topic}-{partition}@{offset}")
        places = ledger.places.get(number, Places())
        wrong_places = sum(held.get(at) != line for line, at in zip(places.lines, places.at, strict=True))
        if wrong_places:
            holdings.misplaced[primary] = wrong_places
    return holdings
