"""What a replayed letter's record looks like when it is back on its stream."""

from __future__ import annotations

import functools
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from anabranch.cli import dead_letters as commands
from anabranch.connectors import PrismProducer, RecordId, dead_letters, record_headers, replay
from anabranch.connectors.dead_letters import MAX_KEPT_BYTES, DeadLetter, Letters
from anabranch.connectors.prism.simulated import SimulatedPrimaries, SimulatedRecord
from anabranch.errors import ConfigurationError
from anabranch.topology import parse_topology

OLD_MS = 1_600_000_000_000
DOCUMENT = """generation: 1
groups: {g: {primaries: {a: {bootstrap: ["a:1"]}}, streams: {logs: {partitions: 1}}}}
"""
TOPOLOGY = parse_topology(DOCUMENT)


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


def replayed(
    one: DeadLetter, monkeypatch: pytest.MonkeyPatch, value: bytes | None = None, *, number: int = 1
) -> SimulatedRecord:
    primaries = SimulatedPrimaries()
    monkeypatch.setattr(replay, "PrismProducer", functools.partial(PrismProducer, transports=primaries))
    mended = None if value is None else {one.record_id: value}
    assert replay.replay(TOPOLOGY, [one], mended=mended, number=number).sent == [one.record_id]
    (record,) = primaries["a"].log
    return record


def test_a_record_has_no_mark_that_would_make_it_a_letter_again(monkeypatch: pytest.MonkeyPatch) -> None:
    record = replayed(letter("malformed"), monkeypatch)
    assert {name for name, _ in record.headers} == {"colour", record_headers.ID}
    assert record.id == RecordId.replayed(RecordId.supplied("t", 1), 1)
    assert (record.key, record.value, record.timestamp_ms) == (b"k", b"value", OLD_MS)


def test_each_content_of_a_record_has_an_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    one = letter("malformed")
    values = [b"mended", b"mended otherwise", b"value", None]
    first, otherwise, same, unmended = (replayed(one, monkeypatch, value).id for value in values)
    assert len({first, otherwise, same, one.record_id}) == 4
    assert same == unmended
    assert replayed(one, monkeypatch, b"mended").id == first
    assert replayed(one, monkeypatch, b"mended", number=2).id != first


@pytest.mark.parametrize("mended", [None, b"mended"])
def test_a_late_record_is_created_anew(mended: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    before_ms = time.time() * 1000
    record = replayed(letter("late"), monkeypatch, mended)
    assert record.value == (mended or b"value")
    assert before_ms - 1000 <= record.timestamp_ms <= time.time() * 1000 + 1000


def degraded(**fields: Any) -> DeadLetter:
    """A letter about a record that lies in its stream, on primary a only."""
    return replace(letter("degraded"), primary="a", detail="1 of 2 copies written, to a", **fields)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("mended", [None, b"value"])
def test_a_record_that_lacks_copies_keeps_its_id_whatever_the_number(
    number: int, mended: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = replayed(degraded(), monkeypatch, mended, number=number)
    assert record.id == RecordId.supplied("t", 1)
    assert (record.key, record.value, record.timestamp_ms) == (b"k", b"value", OLD_MS)


@pytest.mark.parametrize(
    ("fields", "mended", "why"),
    [
        ({}, b"another", "another value, and a copy has to be the same"),
        ({"value": b"val"}, None, "only 3 of its 5 bytes are kept; give all of them"),
        ({"detail": "1 of 2; 1 of 3 headers are left out"}, None, "more headers than the letter kept"),
    ],
)
def test_what_would_be_no_copy_of_it_is_not_sent_under_its_id(
    fields: dict[str, Any], mended: bytes | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    primaries = SimulatedPrimaries()
    monkeypatch.setattr(replay, "PrismProducer", functools.partial(PrismProducer, transports=primaries))
    one = replace(degraded(), **fields)
    result = replay.replay(TOPOLOGY, [one], mended={one.record_id: mended} if mended else None)
    assert result.sent == []
    assert why in result.skipped[one.record_id]
    assert not primaries["a"].log


@pytest.mark.parametrize("reason", ["degraded", "malformed"])
@pytest.mark.parametrize("mended", [None, b"value"])
def test_a_letter_whose_key_is_cut_is_not_sent_under_the_rest(
    reason: str, mended: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    primaries = SimulatedPrimaries()
    monkeypatch.setattr(replay, "PrismProducer", functools.partial(PrismProducer, transports=primaries))
    record_id = RecordId.supplied("t", 1)
    key = bytes(MAX_KEPT_BYTES + 1)
    one = DeadLetter.refused("logs", record_id, b"value", reason=reason, detail="1 of 2", key=key)
    result = replay.replay(TOPOLOGY, [one], mended={record_id: mended} if mended else None)
    assert result.skipped == {record_id: "only 65536 of the 65537 bytes of its key are kept"}
    assert not primaries["a"].log


def test_a_letter_about_lacking_copies_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dead_letters, "read_dead_letters", lambda *_, **__: Letters([degraded()], 0, {}))
    result = CliRunner().invoke(commands.command, ["show", "--topology", "t.yaml", "--reason", "degraded"])
    first, detail, value, total = result.output.splitlines()
    assert first.startswith(RecordId.supplied("t", 1).hex())
    assert first.endswith("  degraded  in logs, on too few primaries  5 bytes")
    assert (detail.strip(), value.strip()) == ("1 of 2 copies written, to a", "value")
    assert total == "1 letter"


def bare(place: int, *headers: tuple[str, bytes]) -> DeadLetter:
    """With as many of the headers as fit."""
    record_id = RecordId.supplied("t", place)
    return DeadLetter.refused("logs", record_id, b"v", reason="refused", detail="no", headers=headers)


def test_headers_that_a_letter_did_not_keep_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    large = ("large", bytes(MAX_KEPT_BYTES))
    letters = [bare(1, ("small", b"")), bare(2, large), bare(3, large)]
    assert [letter.headers_left_out for letter in letters] == [0, 1, 1]
    primaries = SimulatedPrimaries()
    monkeypatch.setattr(replay, "PrismProducer", functools.partial(PrismProducer, transports=primaries))
    monkeypatch.setattr(dead_letters, "read_dead_letters", lambda *_, **__: Letters(letters, 0, {}))
    document = tmp_path / "topology.yaml"
    document.write_text(DOCUMENT)
    arguments = ["replay", "--all", "--topology", str(document)]

    result = CliRunner().invoke(commands.command, arguments)

    assert result.exit_code == 0, result.output
    assert result.stdout == "3 of 3 replayed, as replay 1\n"
    assert result.stderr == "logs: 2 records lack headers that the letters did not keep\n"
    assert len(primaries["a"].log) == 3


def test_a_range_that_is_gone_is_left_out_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = replace(letter("lost"), record_id=RecordId.supplied("t", 2), value=None)
    primaries = SimulatedPrimaries()
    monkeypatch.setattr(replay, "PrismProducer", functools.partial(PrismProducer, transports=primaries))
    monkeypatch.setattr(dead_letters, "read_dead_letters", lambda *_, **__: Letters([bare(1), gone], 0, {}))
    document = tmp_path / "topology.yaml"
    document.write_text(DOCUMENT)

    result = CliRunner().invoke(commands.command, ["replay", "--all", "--topology", str(document)])

    assert result.exit_code == 0, result.output
    assert result.stdout == "1 of 1 replayed, as replay 1\n"
    assert "1 letter tells of a range of records that are gone" in result.stderr
    # Nor by the library, with whatever somebody made of it.
    told = replay.replay(TOPOLOGY, [gone], mended={gone.record_id: b"invented"})
    assert (told.sent, list(told.skipped)) == ([], [gone.record_id])
    assert len(primaries["a"].log) == 1


def run_replay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *arguments: str) -> Result:
    """`dead-letters replay` on one letter, in a world where nothing may be sent."""
    monkeypatch.setattr(replay, "replay", lambda *_, **__: pytest.fail("it was sent"))
    monkeypatch.setattr(dead_letters, "read_dead_letters", lambda *_, **__: Letters([bare(1)], 0, {}))
    document = tmp_path / "topology.yaml"
    document.write_text(DOCUMENT)
    return CliRunner().invoke(commands.command, ["replay", "--topology", str(document), *arguments])


def test_dry_run_shows_what_would_be_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "mended"
    file.write_text(json.dumps({"record_id": bare(1).record_id.hex(), "value": "as it should be"}))
    result = run_replay(monkeypatch, tmp_path, "--mended", str(file), "--dry-run")
    assert "    mended: as it should be\n" in result.output
    assert result.output.endswith("1 letter would be replayed, as replay 1\n")


def test_no_letter_that_matches_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run_replay(monkeypatch, tmp_path, "--id", "ffff")
    assert (result.exit_code, result.output) == (0, "no letter matches: nothing to replay\n")


@pytest.mark.parametrize("text", ["zz", "", "0x12"])
def test_id_that_is_no_hex_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    result = run_replay(monkeypatch, tmp_path, "--id", text)
    assert result.exit_code == 2
    assert "is not hexadecimal" in result.output


@pytest.mark.parametrize("number", [0, 2**31])
def test_a_number_that_no_id_holds_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    with pytest.raises(ConfigurationError, match="a number in 1"):
        replay.replay(TOPOLOGY, [], number=number)
    result = run_replay(monkeypatch, tmp_path, "--all", "--number", str(number))
    assert result.exit_code == 2
    assert "--number" in result.output
