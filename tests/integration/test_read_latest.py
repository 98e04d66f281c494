"""A job that reads a stream by version: the newest of each key counts, whatever comes late or again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.connectors import PrismProducer
from anabranch.devkit.gather import latest_values

if TYPE_CHECKING:
    from tests.conftest import StreamMaker
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


def test_the_newest_of_each_key_counts(make_stream: StreamMaker, run_job: RunJob, tmp_path: Path) -> None:
    stream, totals = make_stream(), make_stream()
    stream.document["groups"]["test"]["streams"] |= totals.document["groups"]["test"]["streams"]
    stream.publish()
    now_ms = int(time.time() * 1000)
    features = [("x", 1, 0), ("y", 7, 0), ("x", 5, 2_000), ("x", 2, 1_000)]  # id, weight, age as its version
    for name in ("a", "b", "a"):  # other ids each time, and another primary: no copies by id
        with PrismProducer(stream.topology, stream.name, home=name) as producer:
            for key, weight, later_ms in features:
                record = {"id": key, "kind": "k", "weight": weight}
                value = json.dumps(record).encode()
                producer.send(value, key=key.encode(), timestamp_ms=now_ms + later_ms - 10_000)
    folder = tmp_path / "features"
    folder.mkdir()
    (folder / "job.py").write_text(JOB.format(stream=stream.name, totals=totals.name))
    (folder / "job.yaml").write_text(f"topology: {stream.topology}\ndead_letters: null\nparallelism: 1\n")

    run = run_job(folder, "--bounded")

    assert run.await_end(400) == 0, run.text
    clients = {broker.name: {"bootstrap.servers": broker.bootstrap} for broker in stream.loop.brokers}
    (row,) = (json.loads(value) for value in latest_values(clients, totals.name).values())
    assert row == {"kind": "k", "n": 2, "weight": 12}
