"""What a dead letter keeps of its record."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("headers", [[], [("large", bytes(900_000))]])
def test_that_a_key_is_cut_is_told(headers: list[tuple[str, bytes | None]]) -> None:
    whole, cut = (
        DeadLetter.refused(
            "s",
            RecordId.supplied("x", 0),
            b"v",
            reason="refused",
            detail="no",
            key=bytes(size),
            headers=headers,
        )
        for size in (MAX_KEPT_BYTES, MAX_KEPT_BYTES + 1)
    )
    assert cut.detail.startswith("no; 65536 of 65537 bytes of the key are kept")
    assert (len(cut.key or b""), cut.key_length) == (MAX_KEPT_BYTES, MAX_KEPT_BYTES + 1)
    assert (len(whole.key or b""), whole.key_length) == (MAX_KEPT_BYTES, MAX_KEPT_BYTES)
    assert cut.headers_left_out == whole.headers_left_out == len(headers)
    assert DeadLetter.decode(cut.encode()).key_length == MAX_KEPT_BYTES + 1


def test_what_a_job_says_of_a_key_is_understood() -> None:
    letter = DeadLetter.refused(
        "s",
        RecordId.supplied("x", 0),
        b"v",
        reason="degraded",
        # As DeadLetterEncoderTest.java has it.
        detail="1 of 2; 10 of 16 bytes of the key are kept; 1 of 1 headers are left out",
        key=b"0123456789",
    )
    assert (letter.key_length, letter.headers_left_out) == (16, 1)
