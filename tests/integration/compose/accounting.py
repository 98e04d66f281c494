"""Holds what came out of a stream against what was sent: *acknowledged ⊆ read ⊆ sent*, and nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from anabranch.connectors import RecordId

__all__ = ["Expected", "discrepancies"]


@dataclass(frozen=True)
class Expected:
    """What a stream must hold.

    Attributes:
        sent: Number that each record carries, by the record's id; numbers differ.
        acknowledged: Ids that must be there.
        unclear: Ids of which a primary may hold further copies.
    """

    sent: Mapping[RecordId, int]
    acknowledged: Set[RecordId]
    unclear: Set[RecordId]


def discrepancies(expected: Expected, read: Iterable[tuple[RecordId | None, int]]) -> list[str]:
    """Everything that is wrong, in words; empty if nothing is.

    Args:
        expected: What must be there.
        read: Id and number of each record in the logs, copies included.
    """
    logged = list(read)
    return [*_made_up(expected, logged), *_lost(expected, logged), *_twice(expected, logged)]


def _made_up(expected: Expected, logged: list[tuple[RecordId | None, int]]) -> Iterator[str]:
    for record_id, number in logged:
        if record_id is None or record_id not in expected.sent:
            yield f"nobody sent {record_id} with number {number}"
        elif expected.sent[record_id] != number:
            yield f"{record_id} was sent with number {expected.sent[record_id]}, and has {number}"


def _lost(expected: Expected, logged: list[tuple[RecordId | None, int]]) -> Iterator[str]:
    for record_id in sorted(expected.acknowledged - {each for each, _ in logged}):
        yield f"{record_id} was acknowledged and is not there"


def _twice(expected: Expected, logged: list[tuple[RecordId | None, int]]) -> Iterator[str]:
    copies = Counter(record_id for record_id, _ in logged)
    for record_id, count in copies.items():
        if count > 1 and record_id not in expected.unclear:
            yield f"{record_id} is there {count} times, though each attempt was answered"
    once = dict(logged)
    for number, count in Counter(once.values()).items():
        if count > 1:
            yield f"number {number} is there under {count} ids"
