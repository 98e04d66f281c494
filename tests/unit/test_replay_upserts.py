"""Replayed upserts never lie behind a newer version of their key: of each log, compaction keeps the last."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anabranch.cli import dead_letters as commands
from anabranch.connectors import (
    PrismProducer,
    RecordId,
    dead_letters,
    newest_versions,
    record_headers,
    replay,
)
from anabranch.connectors.dead_letters import DEGRADED, MAX_KEPT_BYTES, DeadLetter, Letters
from anabranch.connectors.prism.simulated import SimulatedPrimaries
from anabranch.connectors.union_records import LatestByVersion, StreamRecord
from anabranch.connectors.versions import version_in
from anabranch.errors import UnavailableError
from anabranch.topology import parse_topology

DOCUMENT = """generation: 1
groups:
  g:
    primaries: {a: {bootstrap: ["a:1"]}, b: {bootstrap: ["b:1"]}}
    streams: {scores: {partitions: 1, copies: 2}, logs: {partitions: 1}}
"""
TOPOLOGY = parse_topology(DOCUMENT)
KEY = b"k"


def upsert(version: int, *, delete: bool = False) -> list[tuple[str, bytes | None]]:
    """The headers of one."""
    operation = [(record_headers.OP, record_headers.OP_DELETE)] if delete else []
    return [(record_headers.VERSION, version.to_bytes(12, "big")), *operation]


def letter(version: int, *, reason: str = DEGRADED, key: bytes = KEY, **fields: Any) -> DeadLetter:
    return DeadLetter.refused(
        "scores",
        RecordId.supplied(key.decode(), version),
        b"v%d" % version,
        reason=reason,
        detail="1 of 2 copies written, to a",
        key=key,
        headers=upsert(version),
        **fields,
    )


class World:
    """Two primaries in memory, written by Prism and read as they are."""

    def __init__(self) -> None:
        self.primaries = SimulatedPrimaries()
        self.away: dict[str, str] = {}
        self.read: list[str] = []
        self.stream = ""
        self.producer = functools.partial(PrismProducer, transports=self.primaries)

    def write(self, version: int, *, to: str = "ab", delete: bool = False, key: bytes = KEY) -> None:
        """As whoever goes on writing does, to those of the primaries that work."""
        for name in set("ab") - set(to):
            self.primaries[name].stop()
        degrade_after_s = 0.05 if len(to) < 2 else None
        record_id = RecordId.supplied(key.decode(), version)
        with self.producer(TOPOLOGY, "scores", degrade_after_s=degrade_after_s) as producer:
            headers = upsert(version, delete=delete)
            producer.send(b"v%d" % version, key=key, id=record_id, headers=headers)
        for name in "ab":
            self.primaries[name].go_on()

    def reader(self, _: object, stream: str, **__: object) -> AbstractContextManager[Any]:
        """In place of a reader of real primaries."""
        self.stream = stream
        self.read.append(stream)
        return nullcontext(self)

    def batches(self) -> Iterator[list[StreamRecord]]:
        for name in "ab":
            log = [] if name in self.away else self.primaries[name].log
            yield [
                StreamRecord(name, "scores", 0, offset, each.timestamp_ms, each.key, each.value, each.headers)
                for offset, each in enumerate(log)
            ]

    def problems(self) -> dict[str, str]:
        return self.away

    def check_reached(self) -> None:
        """Some primary always is."""

    def last(self, key: bytes = KEY) -> dict[str, bytes | None]:
        """What compaction leaves of the key."""
        return {
            name: next((each.value for each in reversed(self.primaries[name].log) if each.key == key), None)
            for name in "ab"
        }

    def sizes(self) -> list[int]:
        return [len(self.primaries[name].log) for name in "ab"]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(replay, "PrismProducer", made.producer)
    monkeypatch.setattr(newest_versions, "UnionReader", made.reader)
    return made


def test_a_record_that_is_still_the_newest_gets_the_copy_that_it_lacks(world: World) -> None:
    world.write(1)
    world.write(2, to="a")
    for _ in range(2):
        result = replay.replay(TOPOLOGY, [letter(2)])
        assert (result.sent, result.skipped) == ([letter(2).record_id], {}), (
            "of a second time its own is no bar"
        )
    assert world.last() == {"a": b"v2", "b": b"v2"}


@pytest.mark.parametrize("delete", [False, True])
@pytest.mark.parametrize("newer_on", ["ab", "a", "b"])
@pytest.mark.parametrize("mended", [None, b"mended"])
def test_a_record_does_not_come_behind_a_newer_version(
    world: World, newer_on: str, delete: bool, mended: bytes | None
) -> None:
    world.write(1, to="a")
    world.write(2, to=newer_on, delete=delete)
    before = world.sizes()
    one = letter(1, reason="malformed" if mended else DEGRADED)

    result = replay.replay(TOPOLOGY, [one], mended={one.record_id: mended} if mended else None)

    assert result.sent == []
    assert result.skipped == {one.record_id: "a newer version of its key has been written"}
    assert result.outdated == {one.record_id}
    assert world.sizes() == before
    assert {world.last()[name] for name in newer_on} == {b"v2"}


def test_of_several_letters_of_one_key_the_newest_is_sent(world: World) -> None:
    for version in (1, 2, 3):
        world.write(version, to="a")
    world.write(1, key=b"other", to="a")
    letters = [letter(version) for version in (2, 3, 1)]
    result = replay.replay(TOPOLOGY, [*letters, letter(1, key=b"other")])
    assert set(result.sent) == {letters[1].record_id, letter(1, key=b"other").record_id}
    assert world.last() == {"a": b"v3", "b": b"v3"}
    assert world.last(b"other") == {"a": b"v1", "b": b"v1"}


@pytest.mark.parametrize("value", [b"mended", b"v1"])
def test_what_readers_have_set_aside_counts_once_more_and_below_all_that_follows(
    world: World, value: bytes
) -> None:
    world.write(1)
    one = replace(letter(1, reason="malformed"), primary="a", partition=0, offset=0)
    for number in (1, 1, 2):
        result = replay.replay(TOPOLOGY, [one], number=number, mended={one.record_id: value})
        assert (result.sent == [one.record_id]) == (number == 1), "by another number it has been written"
    newest = LatestByVersion()
    seen = [newest.accept(record) for records in world.batches() for record in records]
    assert seen == [True, True, *[False] * 4], "once, of the copies on two primaries"
    assert [(each.value, each.version) for each in newest.latest()] == [(value, (2).to_bytes(12, "big"))]
    world.write(3)
    assert world.last() == {"a": b"v3", "b": b"v3"}


@pytest.mark.parametrize("reason", ["malformed", "too-large"])
@pytest.mark.parametrize("taken", ["ab", "a", ""])
def test_a_replay_that_reached_too_few_primaries_is_completed_by_the_next(
    world: World, reason: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one primary had taken what another one refused: that has no place in the letter."""
    if taken:
        world.write(1, to=taken)
    one = letter(1, reason=reason)
    if reason == "malformed":
        one = replace(one, primary="a", partition=0, offset=0)
    monkeypatch.setattr(
        replay, "PrismProducer", functools.partial(world.producer, max_block_s=0.6, hedge_after_s=0.1)
    )
    read = newest_versions.newest_versions

    def fails_afterwards(*arguments: Any, **options: Any) -> Any:
        found = read(*arguments, **options)
        world.primaries["b"].stop()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(replay, "newest_versions", fails_afterwards)
        assert replay.replay(TOPOLOGY, [one], mended={one.record_id: b"mended"}).failed
    world.primaries["b"].go_on()

    assert replay.replay(TOPOLOGY, [one], mended={one.record_id: b"mended"}).sent == [one.record_id]

    assert world.last() == {"a": b"mended", "b": b"mended"}
    assert (
        len({each.version for records in world.batches() for each in records if each.value == b"mended"}) == 1
    )
    newest = LatestByVersion()
    for records in world.batches():
        for record in records:
            newest.accept(record)
    assert [each.value for each in newest.latest()] == [b"mended"]


def test_of_two_letters_about_one_record_the_one_that_is_written_above_is_sent(world: World) -> None:
    world.write(1, to="a")
    set_aside = replace(letter(1, reason="malformed"), primary="a", partition=0, offset=0)
    lacking = replace(letter(1), record_id=RecordId.supplied("lacking", 1))
    result = replay.replay(TOPOLOGY, [set_aside, lacking])
    assert result.sent == [set_aside.record_id]
    assert {version_in(world.primaries[name].log[-1].headers) for name in "ab"} == {(2).to_bytes(12, "big")}


def test_of_letters_about_what_was_never_written_the_newest_is_sent(world: World) -> None:
    """Nothing in the stream tells which it is."""
    letters = [letter(version, reason="refused") for version in (2, 3, 1)]
    result = replay.replay(TOPOLOGY, letters)
    assert result.sent == [letters[1].record_id]
    assert set(result.skipped.values()) == {"another letter has a newer version of its key"}
    assert world.last() == {"a": b"v3", "b": b"v3"}


def test_of_equal_rows_that_were_refused_the_newest_letter_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their id is made of what they hold, so both letters have it."""
    letters = [replace(letter(version), record_id=RecordId.supplied("k", 0)) for version in (2, 5, 1)]
    identity = [(record_headers.ID, letters[0].letter_id)]
    written = [
        StreamRecord("a", "dl", 0, at, 0, None, one.encode(), identity) for at, one in enumerate(letters)
    ]
    monkeypatch.setattr(world, "batches", lambda: iter([written]))
    monkeypatch.setattr(dead_letters, "UnionReader", world.reader)
    found = dead_letters.read_dead_letters(TOPOLOGY, "dl").letters
    assert [each.version for each in found] == [(5).to_bytes(12, "big")]


def test_a_newer_letter_that_cannot_be_sent_keeps_no_older_one_back(world: World) -> None:
    cut = replace(letter(2, reason="refused"), value=b"v")
    result = replay.replay(TOPOLOGY, [letter(1), cut])
    assert result.sent == [letter(1).record_id]
    assert result.outdated == set()


@pytest.mark.parametrize("written", [True, False])
def test_a_version_that_the_letter_did_not_keep_is_below_any(world: World, written: bool) -> None:
    large = [("large", bytes(MAX_KEPT_BYTES))]
    one = DeadLetter.refused(
        "scores", RecordId.supplied("t", 1), b"v", reason="refused", detail="", key=KEY, headers=large
    )
    if written:
        world.write(1)
    result = replay.replay(TOPOLOGY, [one])
    assert world.last() == dict.fromkeys("ab", b"v1" if written else b"v")
    why = "its letter kept no version, and its key has one in the stream"
    assert result.skipped == ({one.record_id: why} if written else {})


def test_nothing_is_sent_while_a_primary_cannot_be_read(world: World) -> None:
    world.write(1, to="a")
    world.write(2, to="b")
    before = world.sizes()
    world.away = {"b": "no answer"}
    with pytest.raises(UnavailableError, match="b: no answer") as raised:
        replay.replay(TOPOLOGY, [letter(1), append()])
    assert raised.value.where == "stream scores"
    assert world.sizes() == before


def append() -> DeadLetter:
    record_id = RecordId.supplied("t", 1)
    return DeadLetter.refused("logs", record_id, b"v", reason="refused", detail="", key=KEY)


def test_for_appends_no_stream_is_read(world: World) -> None:
    world.away = {"b": "no answer"}
    assert replay.replay(TOPOLOGY, [append()]).sent == [append().record_id]
    assert world.read == []


def test_the_command_takes_what_is_outdated_for_done(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world.write(1, to="a")
    world.write(2)
    letters = [letter(1), letter(1, key=b"other")]
    monkeypatch.setattr(dead_letters, "read_dead_letters", lambda *_, **__: Letters(letters, 0, {}))
    monkeypatch.setattr(commands, "AwayLines", lambda: Mute())
    monkeypatch.setattr(commands, "_PROGRESS_S", 0.0)
    document = tmp_path / "topology.yaml"
    document.write_text(DOCUMENT)
    arguments = ["replay", "--all", "--topology", str(document)]

    shown = CliRunner().invoke(commands.command, [*arguments, "--dry-run"])
    result = CliRunner().invoke(commands.command, arguments)

    assert "2 letters would be replayed, as replay 1; of upserts what is still the newest" in shown.stdout
    assert result.exit_code == 0, result.output
    assert result.stdout == "1 of 2 replayed, as replay 1\n"
    assert result.stderr.splitlines()[0] == "scores: 2 records read for newer versions"
    skipped = f"skipped {letter(1).record_id.hex()}: a newer version of its key has been written"
    assert result.stderr.splitlines()[-1] == skipped


def test_of_many_outdated_letters_the_first_are_named(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = [b"k%d" % number for number in range(9)]
    letters = [letter(1, key=key) for key in keys]
    for key in keys:
        world.write(2, key=key)
    monkeypatch.setattr(dead_letters, "read_dead_letters", lambda *_, **__: Letters(letters, 0, {}))
    monkeypatch.setattr(commands, "AwayLines", lambda: Mute())
    document = tmp_path / "topology.yaml"
    document.write_text(DOCUMENT)

    result = CliRunner().invoke(commands.command, ["replay", "--all", "--topology", str(document)])

    assert result.exit_code == 0, result.output
    named = [line for line in result.stderr.splitlines() if line.startswith("skipped ")]
    assert len(named) == 5
    assert result.stderr.splitlines()[-1] == "… and 4 more skipped, of whose key there is a newer version"


class Mute:
    """Says nothing of primaries that are away, since none is."""

    def tell(self, _: object) -> None: ...
