"""The SQL connectors, from PyFlink, on real brokers."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from anabranch.connectors import PrismProducer, RecordId
from anabranch.connectors.dead_letters import read_dead_letters
from anabranch.devkit import process

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).with_name("connector_jobs.py")


def run_job(kind: str, stream: StreamHandle, *streams: StreamHandle) -> Any:
    """What the job prints."""
    argv: list[str | Path] = [sys.executable, SCRIPT, kind, stream.topology, stream.name]
    done = process.run([*argv, *(each.name for each in streams)], timeout_s=500)
    assert done.code == 0, done.output
    return json.loads(done.output.splitlines()[-1])


def write(stream: StreamHandle, lines: list[bytes]) -> None:
    """Each line as a record, whose position is its id's sequence."""
    with PrismProducer(stream.topology, stream.name) as producer:
        for place, line in enumerate(lines):
            producer.send(line, id=RecordId.supplied(stream.name, place))
        producer.flush(60)


def with_second_stream(make_stream: StreamMaker) -> tuple[StreamHandle, StreamHandle]:
    """Two streams in the document of the first."""
    first, second = make_stream(), make_stream()
    streams = first.document["groups"]["test"]["streams"]
    streams |= second.document["groups"]["test"]["streams"]
    first.publish()
    return first, second


def test_good_records_are_rows_and_bad_ones_dead_letters(make_stream: StreamMaker) -> None:
    stream, letters = with_second_stream(make_stream)
    good = [json.dumps({"run": "grün", "seq": seq}, ensure_ascii=False).encode() for seq in range(100)]
    bad = [
        b'{"run": "cut o',
        b'{"run": "r", "seq": NaN}',
        b'{"run": "r", "seq": "seven"}',
        b'{"run": "r"}',
        '{"run": "grün", "seq": 1}'.encode("latin-1"),
    ]
    write(stream, good + bad + good[:1])

    rows = run_job("sql", stream, letters)

    assert sorted((run, seq) for run, seq, *_ in rows) == sorted(
        [("grün", seq) for seq in range(100)] + [("grün", 0)]
    )
    assert {origin for _, _, origin, _, _ in rows} <= {"a", "b"}
    assert {record_id for *_, record_id, _ in rows} == {
        RecordId.supplied(stream.name, place).hex() for place in (*range(100), 105)
    }
    hashes = {int.from_bytes(hashlib.sha256(line).digest()[:8], signed=True) for line in good}
    assert {hash_ for *_, hash_ in rows} == hashes
    found = read_dead_letters(stream.topology, letters.name)
    assert {letter.value: letter.reason for letter in found.letters} == {
        bad[0]: "malformed",
        bad[1]: "malformed",
        bad[2]: "wrong-type",
        bad[3]: "missing-field",
        bad[4]: "wrong-encoding",
    }
    assert {letter.record_id for letter in found.letters} == {
        RecordId.supplied(stream.name, place) for place in range(100, 105)
    }


@pytest.mark.long
def test_counts_are_upserts_that_are_read_by_version(make_stream: StreamMaker) -> None:
    stream, counts = with_second_stream(make_stream)
    write(stream, [json.dumps({"run": f"r{place % 3}"}).encode() for place in range(300)])

    assert run_job("upserts", stream, counts) == {"r0": 100, "r1": 100, "r2": 100}
