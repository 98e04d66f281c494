"""What the audit takes from the dead letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace

import pytest

from anabranch.connectors.dead_letters import MAX_KEPT_BYTES, DeadLetter
from anabranch.devkit import gather
from anabranch.devkit.audit import RunIndex
from anabranch.devkit.dataset import record_id
from anabranch.devkit.ledger import content_hash
from anabranch.devkit.planted import RUN
from anabranch.devkit.verifier import Account, Letter

INDEX = RunIndex({RUN: [100]})


def letter(value: bytes, job: str = "one") -> DeadLetter:
    return DeadLetter.refused("logs", record_id(RUN, 0), value, reason="malformed", detail="", job=job)


def found(monkeypatch: pytest.MonkeyPatch, *letters: DeadLetter) -> tuple[Letter, ...]:
    def read_topic(*_: object) -> Iterator[SimpleNamespace]:
        for each in letters:
            headers = [("anabranch-id", bytes(each.letter_id))]
            yield SimpleNamespace(headers=lambda kept=headers: kept, value=each.encode)

    monkeypatch.setattr(gather, "read_topic", read_topic)
    clients: Mapping[str, Mapping[str, str]] = {"a": {}}
    by_line, losses = gather._dead_letters(clients, INDEX)
    assert not losses
    return by_line[100]


def test_letters_of_two_jobs_are_two_and_one_written_again_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    again = replace(letter(b"bad"), occurred_ms=1)
    account = Account("logs", "malformed", content_hash(b"bad"))
    letters = found(monkeypatch, letter(b"bad"), letter(b"bad", "two"), again)
    assert letters == (Letter("one", account), Letter("two", account))


def test_letter_that_keeps_a_part_is_known_by_the_hash_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    value = bytes(MAX_KEPT_BYTES + 1)
    (one,) = found(monkeypatch, letter(value))
    assert one.account.value_hash == content_hash(value)


def test_letter_whose_bytes_are_not_those_of_its_hash_is_known_by_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (one,) = found(monkeypatch, replace(letter(b"bad"), value=b"bed"))
    assert one.account.value_hash is None
