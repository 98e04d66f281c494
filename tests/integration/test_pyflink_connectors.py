"""UnionSource, PrismSink and dedup as plain PyFlink objects, on real brokers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.connectors import PrismProducer, RecordId
from anabranch.devkit import process

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]


def test_records_are_copied_once_and_rows_come_from_python(make_stream: StreamMaker) -> None:
    stream, target = make_stream(), make_stream()
    stream.document["groups"]["test"]["streams"] |= target.document["groups"]["test"]["streams"]
    stream.publish()
    write_twice(stream, 50)
    script = Path(__file__).with_name("connector_jobs.py")
    argv: list[str | Path] = [sys.executable, script, "datastream", stream.topology, stream.name, target.name]

    done = process.run(argv, timeout_s=500)

    assert done.code == 0, done.output
    lines = [f"line {place}" for place in range(50)]
    assert json.loads(done.output.splitlines()[-1]) == {
        "source": sorted(lines),
        "target": sorted(lines + [f"seen {line}" for line in lines]),
    }


def write_twice(stream: StreamHandle, count: int) -> None:
    """Each record has a copy with the same id."""
    with PrismProducer(stream.topology, stream.name) as producer:
        for place in range(2 * count):
            line = f"line {place % count}"
            producer.send(line.encode(), id=RecordId.supplied(stream.name, place % count))
        producer.flush(60)
