"""What the audit takes from the dead letters."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from anabranch.connectors.dead_letters import MAX_KEPT_BYTES, DeadLetter
from anabranch.devkit import gather
from anabranch.devkit.audit import RunIndex
from anabranch.devkit.dataset import Dataset, record_id
from anabranch.devkit.evidence import Account, FaultEvidence, Letter, Tally
from anabranch.devkit.ledger import content_hash
from anabranch.devkit.planted import RUN
from anabranch.errors import UnavailableError

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


def test_letter_about_lacking_copies_is_about_no_bad_record(monkeypatch: pytest.MonkeyPatch) -> None:
    degraded = replace(letter(b"bad"), reason="degraded", primary="a", detail="1 of 2 copies written, to a")
    assert degraded.letter_id != letter(b"bad").letter_id, "the record may have a letter of another kind too"
    assert len(found(monkeypatch, degraded, letter(b"bad"))) == 1


def run_gather(folder: Path, tell: Callable[[str], None]) -> None:
    gather.gather(
        {"a": {}},
        topology="t.yaml",
        mark="m",
        folder=folder,
        seals={},
        dataset=Dataset([], {}),
        readers=(),
        copies_wanted=1,
        official={},
        fault=FaultEvidence("none"),
        tell=tell,
    )


@pytest.fixture
def scan_ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """When it is set, the scan of the input ends, and at the end of the test."""
    ends = threading.Event()

    def scan(*_: object, **__: object) -> dict[str, bytes]:
        ends.wait(20)
        return {"a": b""}

    monkeypatch.setattr(gather, "scan_primaries", scan)
    monkeypatch.setattr(gather, "read_topic", lambda *_: iter(()))
    monkeypatch.setattr(gather, "_TELL_EVERY_S", 0.01)
    yield ends
    ends.set()


@pytest.mark.timeout(10)
def test_output_that_cannot_be_read_is_told_before_the_scan_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scan_ends: threading.Event
) -> None:
    def counted(_: object) -> dict[str, Tally]:
        raise UnavailableError("reading run-counts failed")

    monkeypatch.setattr(gather, "_counted", counted)
    with pytest.raises(UnavailableError, match="run-counts"):
        run_gather(tmp_path, lambda _: None)
    assert not scan_ends.is_set()


@pytest.mark.timeout(10)
def test_reading_of_the_outputs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scan_ends: threading.Event
) -> None:
    told: list[str] = []
    outputs_end = threading.Event()

    def counted(_: object) -> dict[str, Tally]:
        outputs_end.wait(5)
        return {}

    def tell(text: str) -> None:
        told.append(text)
        scan_ends.set()
        if text.startswith("audit: all records read"):
            outputs_end.set()

    monkeypatch.setattr(gather, "_counted", counted)
    run_gather(tmp_path, tell)
    assert "audit: 0 records read, of 0 and their copies; what the jobs wrote is being read" in told
    assert "audit: all records read; what the jobs wrote is being read" in told
