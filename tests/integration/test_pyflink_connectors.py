"""UnionSource, PrismSink, dedup and latest_by_version as plain PyFlink objects, on real brokers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from anabranch.connectors import PrismProducer, RecordId
from anabranch.devkit import process

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]


@pytest.fixture
def streams(make_stream: StreamMaker) -> tuple[StreamHandle, StreamHandle]:
    """Two streams, both in the document of the first."""
    stream, target = make_stream(), make_stream()
    stream.document["groups"]["test"]["streams"] |= target.document["groups"]["test"]["streams"]
    stream.publish()
    return stream, target


def run_job(kind: str, stream: StreamHandle, target: StreamHandle) -> Any:
    """What the job prints."""
    script = Path(__file__).with_name("connector_jobs.py")
    argv: list[str | Path] = [sys.executable, script, kind, stream.topology, stream.name, target.name]
    done = process.run(argv, timeout_s=500)
    assert done.code == 0, done.output
    return json.loads(done.output.splitlines()[-1])


def test_records_are_copied_once_and_rows_come_from_python(
    streams: tuple[StreamHandle, StreamHandle],
) -> None:
    write_twice(streams[0], 50)

    found = run_job("datastream", *streams)

    lines = [f"line {place}" for place in range(50)]
    assert found == {
        "source": sorted(lines),
        "target": sorted(lines + [f"seen {line}" for line in lines]),
    }


def test_of_each_key_the_highest_version_passes(streams: tuple[StreamHandle, StreamHandle]) -> None:
    stream = streams[0]
    # An older version behind a newer one in one log, on the other primary, and a delete between them.
    write_versions(stream, "a", [("k1", 5, "five"), ("k1", 4, "four"), ("k2", 1, "one"), ("k3", 2, "two")])
    write_versions(stream, "b", [("k1", 3, "three"), ("k2", 2, None), ("k3", 1, None), ("k4", 1, "only b")])

    assert run_job("latest", *streams) == {"k1": "five", "k2": None, "k3": "two", "k4": "only b"}


def test_what_a_changelog_takes_back_is_deleted(streams: tuple[StreamHandle, StreamHandle]) -> None:
    assert run_job("changes", *streams) == {"r1": None, "r2": "4"}


def write_versions(stream: StreamHandle, primary: str, upserts: list[tuple[str, int, str | None]]) -> None:
    """Upserts (key, version, value or a delete) on one primary, in this order."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": stream.loop.broker(primary).bootstrap})
    for key, version, value in upserts:
        headers: list[tuple[str, bytes]] = [("anabranch-version", version.to_bytes(12))]
        headers += [("anabranch-op", b"d")] if value is None else []
        producer.produce(stream.name, (value or "").encode(), key, partition=0, headers=headers)
    assert producer.flush(60) == 0


def write_twice(stream: StreamHandle, count: int) -> None:
    """Each record has a copy with the same id."""
    with PrismProducer(stream.topology, stream.name) as producer:
        for place in range(2 * count):
            line = f"line {place % count}"
            producer.send(line.encode(), id=RecordId.supplied(stream.name, place % count))
        producer.flush(60)
