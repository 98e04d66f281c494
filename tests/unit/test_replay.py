"""What a replayed letter's record looks like when it is back on its stream."""

from __future__ import annotations

import functools
import time

import pytest

from anabranch.connectors import PrismProducer, RecordId, record_headers, replay
from anabranch.connectors.dead_letters import DeadLetter
from anabranch.connectors.prism.simulated import SimulatedPrimaries, SimulatedRecord
from anabranch.topology import parse_topology

OLD_MS = 1_600_000_000_000
TOPOLOGY = parse_topology(
    """generation: 1
groups: {g: {primaries: {a: {bootstrap: ["a:1"]}}, streams: {logs: {partitions: 1}}}}
"""
)


def letter(reason: str) -> DeadLetter:
    """As a job writes it: with the mark that made it a letter, and all headers of its record."""
    marks = [record_headers.LATE, record_headers.LOST, record_headers.REFUSED_ROW]
    return DeadLetter.refused(
        "logs",
        RecordId.supplied("t", 1),
        b"value",
        reason=reason,
        detail="",
        key=b"k",
        timestamp_ms=OLD_MS,
        headers=[("colour", b"red"), *((mark, None) for mark in marks)],
    )


def replayed(one: DeadLetter, monkeypatch: pytest.MonkeyPatch, value: bytes | None = None) -> SimulatedRecord:
    primaries = SimulatedPrimaries()
    monkeypatch.setattr(replay, "PrismProducer", functools.partial(PrismProducer, transports=primaries))
    mended = None if value is None else {one.record_id: value}
    assert replay.replay(TOPOLOGY, [one], mended=mended).sent == [one.record_id]
    (record,) = primaries["a"].log
    return record


def test_a_record_has_no_mark_that_would_make_it_a_letter_again(monkeypatch: pytest.MonkeyPatch) -> None:
    record = replayed(letter("malformed"), monkeypatch)
    assert {name for name, _ in record.headers} == {"colour", record_headers.ID}
    assert record.id == RecordId.replayed(RecordId.supplied("t", 1), 1)
    assert (record.key, record.value, record.timestamp_ms) == (b"k", b"value", OLD_MS)


@pytest.mark.parametrize("mended", [None, b"mended"])
def test_a_late_record_is_created_anew(mended: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    before_ms = time.time() * 1000
    record = replayed(letter("late"), monkeypatch, mended)
    assert record.value == (mended or b"value")
    assert before_ms - 1000 <= record.timestamp_ms <= time.time() * 1000 + 1000
