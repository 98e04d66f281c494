"""A job that reads a stream by version: the newest of each key counts, also where that is a delete."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.connectors import PrismProducer, record_headers
from anabranch.devkit.gather import latest_values
from anabranch.devkit.scan import header, read_topic

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker
    from tests.integration.conftest import RunJob

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]

JOB = """
from dataclasses import dataclass
from anabranch.pipelines import Job

@dataclass(frozen=True)
class Feature:
    id: str
    kind: str
    weight: int

job = Job("features")
features = job.read("{stream}", Feature, latest_by="id", options={{"key.format": "raw"}})
job.sql(f"SELECT kind, COUNT(*) AS n, SUM(weight) AS weight FROM {{features}} GROUP BY kind").write(
    "{totals}", key="kind"
)
"""


@dataclass(frozen=True)
class Write:
    """One record of a feature; its time is its version, since it has none."""

    id: str
    kind: str
    weight: int
    later_ms: int
    deletes: bool = False


WRITES = [
    Write("x", "k", 1, 0),
    Write("y", "k", 7, 0),
    Write("x", "k", 5, 2_000),
    Write("x", "k", 2, 1_000),
    Write("z", "k", 100, 0),
    Write("z", "k", 0, 2_000, deletes=True),
    Write("z", "k", 300, 1_000),
    Write("alone", "gone", 100, 0),
    Write("alone", "gone", 0, 2_000, deletes=True),
]
# Each change is written by itself: in one batch a row would come and go, and nothing be written of either.
YAML = """
topology: {topology}
dead_letters: null
parallelism: 1
mini_batch: {{latency_s: 0}}
"""


def test_the_newest_of_each_key_counts(make_stream: StreamMaker, run_job: RunJob, tmp_path: Path) -> None:
    stream, totals = make_stream(), make_stream()
    stream.document["groups"]["test"]["streams"] |= totals.document["groups"]["test"]["streams"]
    stream.publish()
    write_all(stream)
    folder = tmp_path / "features"
    folder.mkdir()
    (folder / "job.py").write_text(JOB.format(stream=stream.name, totals=totals.name))
    (folder / "job.yaml").write_text(YAML.format(topology=stream.topology))

    run = run_job(folder, "--bounded")

    assert run.await_end(400) == 0, run.text
    clients = {broker.name: {"bootstrap.servers": broker.bootstrap} for broker in stream.loop.brokers}
    (row,) = (json.loads(value) for value in latest_values(clients, totals.name).values())
    assert row == {"kind": "k", "n": 2, "weight": 12}
    written = [message for config in clients.values() for message in read_topic(config, totals.name)]
    # A set: a hedge may have written a copy.
    of_gone = {header(each, record_headers.OP) for each in written if each.key() == b'{"kind":"gone"}'}
    assert of_gone == {None, record_headers.OP_DELETE}, "it was there, and disappeared"


def write_all(stream: StreamHandle) -> None:
    """Three times, with other ids each time and on another primary: no copies by id."""
    start_ms = int(time.time() * 1000) - 10_000
    for home in ("a", "b", "a"):
        with PrismProducer(stream.topology, stream.name, home=home) as producer:
            for write in WRITES:
                record = {"id": write.id, "kind": write.kind, "weight": write.weight}
                producer.send(
                    b"" if write.deletes else json.dumps(record).encode(),
                    key=write.id.encode(),
                    timestamp_ms=start_ms + write.later_ms,
                    headers=[(record_headers.OP, record_headers.OP_DELETE)] if write.deletes else (),
                )
