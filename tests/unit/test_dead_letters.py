"""What a dead letter keeps of its record."""

from __future__ import annotations

from anabranch.connectors.dead_letters import MAX_KEPT_BYTES, DeadLetter
from anabranch.connectors.ids import RecordId


def test_headers_that_do_not_fit_are_left_out_and_counted() -> None:
    headers = [("a", b"1"), ("large", bytes(900_000)), ("b", None)]
    letter = DeadLetter.refused(
        "s", RecordId.supplied("x", 0), b"v", reason="too-large", detail="refused", headers=headers
    )
    assert letter.headers == (("a", b"1"), ("b", None))
    assert letter.detail == "refused; 1 of 3 headers are left out"
    assert letter.headers_left_out == 1
    assert len(letter.encode()) < MAX_KEPT_BYTES


def test_empty_headers_come_to_an_end_too() -> None:
    headers = [("", b"")] * (MAX_KEPT_BYTES + 1)
    letter = DeadLetter.refused(
        "s", RecordId.supplied("x", 0), b"v", reason="refused", detail="", headers=headers
    )
    assert len(letter.headers) == MAX_KEPT_BYTES
