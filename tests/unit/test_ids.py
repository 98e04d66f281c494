from __future__ import annotations

import hashlib
import json
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from anabranch.connectors import IdGenerator, RecordId

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "vectors" / "ids.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", VECTORS["supplied"])
def test_supplied_ids_are_those_of_java(case: dict[str, Any]) -> None:
    assert RecordId.supplied(case["scope"], case["sequence"]).hex() == case["id"]


@pytest.mark.parametrize("case", VECTORS["derived"])
def test_derived_ids_are_those_of_java(case: dict[str, Any]) -> None:
    source = RecordId(bytes.fromhex(case["source"]))
    derived = RecordId.derived(source, case["job_uid"], case["sink_uid"], case["ordinal"])
    assert derived.hex() == case["id"]
    assert derived.sequence == source.sequence


@pytest.mark.parametrize("case", VECTORS["foreign"])
def test_foreign_ids_are_those_of_java(case: dict[str, Any]) -> None:
    foreign = RecordId.foreign(case["cluster_id"], case["topic_id"], case["partition"], case["offset"])
    assert foreign.hex() == case["id"]


@pytest.mark.parametrize("case", VECTORS["replayed"])
def test_replayed_ids_are_those_of_java(case: dict[str, Any]) -> None:
    assert RecordId.replayed(RecordId(bytes.fromhex(case["original"])), case["replay"]).hex() == case["id"]


def test_a_replays_number_has_four_bytes() -> None:
    original = RecordId.supplied("s", 1)
    assert RecordId.replayed(original, 2**31 - 1).sequence == 1
    for number in (-1, 2**31, 2**40):
        with pytest.raises(ValueError, match="a replay's number lies in"):
            RecordId.replayed(original, number)


def test_supplied_id_is_the_hash_of_the_scope_then_the_sequence() -> None:
    record_id = RecordId.supplied("run-1", 258)
    assert record_id == hashlib.sha256(b"run-1").digest()[:10] + bytes([0, 0, 0, 0, 1, 2])
    assert record_id.sequence == 258


def test_ids_are_values() -> None:
    one, same = RecordId.supplied("s", 1), RecordId.supplied("s", 1)
    assert one == same
    assert len({one, same, RecordId.supplied("s", 2)}) == 2
    restored = pickle.loads(pickle.dumps(one))
    assert restored == one
    assert isinstance(restored, RecordId)


@pytest.mark.parametrize("length", [0, 15, 17])
def test_an_id_has_16_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        RecordId(bytes(length))


@pytest.mark.parametrize("sequence", [-1, 2**48])
def test_a_sequence_has_48_bits(sequence: int) -> None:
    with pytest.raises(ValueError, match="sequence"):
        RecordId.supplied("s", sequence)


def test_generated_ids_count_from_zero_in_one_random_incarnation() -> None:
    generator, other = IdGenerator(), IdGenerator()
    ids = [generator.next() for _ in range(3)]
    assert [each.sequence for each in ids] == [0, 1, 2]
    assert len({each.incarnation for each in ids}) == 1
    assert other.next().incarnation != ids[0].incarnation


def test_threads_never_get_the_same_id() -> None:
    generator = IdGenerator()
    drawn: list[list[bytes]] = [[] for _ in range(4)]

    def draw(into: list[bytes]) -> None:
        into.extend(generator.next_bytes() for _ in range(20_000))

    threads = [threading.Thread(target=draw, args=(each,)) for each in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each for part in drawn for each in part}) == 80_000


def test_a_forked_child_draws_another_incarnation() -> None:
    generator = IdGenerator()
    mine = generator.next()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, generator.next_bytes())
        os._exit(0)
    os.waitpid(pid, 0)
    theirs = RecordId(os.read(reading, 16))
    os.close(reading)
    os.close(writing)
    assert theirs.incarnation != mine.incarnation
    assert theirs.sequence == 0
    assert generator.next().incarnation == mine.incarnation
