"""The audit holds each acknowledged place against what the log has there."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch.connectors import replay
from anabranch.connectors.dead_letters import DeadLetter
from anabranch.devkit.audit import RunIndex, audit_topic
from anabranch.devkit.dataset import record_id
from anabranch.devkit.ledger import Ledger, LedgerWriter, content_hash, read_ledger
from anabranch.devkit.scan import SCANNED

RUN = "o/s/b/r"
INDEX = RunIndex({RUN: [0, 1, 2]})


def scanned(*lines: int) -> bytes:
    """A log of one partition with these lines, from offset 0."""
    return b"".join(
        SCANNED.pack(bytes(record_id(RUN, line)), line, 0, offset) for offset, line in enumerate(lines)
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Lines 0 and 1 on both primaries, line 2 on the second only."""
    writer = LedgerWriter(tmp_path / "0.ledger")
    writer.sent([(line, line) for line in range(3)])
    for primary, line, offset in [(0, 0, 0), (0, 1, 1), (1, 0, 0), (1, 1, 1), (1, 2, 2)]:
        writer.acknowledged(line, primary, 0, offset)
    writer.close()
    return read_ledger([tmp_path / "0.ledger"])


def test_records_are_where_they_were_acknowledged(ledger: Ledger) -> None:
    holdings = audit_topic({"a": scanned(0, 1, 2), "b": scanned(0, 1, 2)}, "t", INDEX, ledger)
    assert holdings.misplaced == {}
    assert holdings.raw_duplicates == 3


@pytest.mark.parametrize(
    ("log_of_a", "log_of_b", "misplaced"),
    [
        ((0, 1), (), {"b": 3}),
        ((0, 1), (0, 1), {"b": 1}),
        ((1, 0), (0, 1, 2), {"a": 2}),
        ((0, 2), (0, 2, 1), {"a": 1, "b": 2}),
    ],
)
def test_record_that_is_elsewhere_is_missed(
    ledger: Ledger, log_of_a: tuple[int, ...], log_of_b: tuple[int, ...], misplaced: dict[str, int]
) -> None:
    scans = {"a": scanned(*log_of_a), "b": scanned(*log_of_b)}
    assert audit_topic(scans, "t", INDEX, ledger).misplaced == misplaced


def test_a_mended_letter_that_was_replayed_is_known_as_what_it_was_mended_to(ledger: Ledger) -> None:
    letter = DeadLetter.refused("logs", record_id(RUN, 1), b"bad", reason="malformed", detail="")
    replayed = bytes(replay._id(letter, b"mended", 1))
    scans = {
        "a": SCANNED.pack(replayed, content_hash(b"mended"), 0, 0),
        "b": SCANNED.pack(replayed, content_hash(b"mended otherwise"), 0, 7),
    }
    holdings = audit_topic(scans, "t", INDEX, ledger, {1: b"mended"})
    assert holdings.destinations["a"] == {"replayed dead letters": 1}
    assert holdings.fabricated == ["b/t-0@7"]
