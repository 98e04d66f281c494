"""A typed Python function on a session cluster: it runs there for real, and its failure names its line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.connectors import PrismProducer
from anabranch.devkit.gather import latest_values
from anabranch.devkit.loop import Loop

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker
    from tests.integration.conftest import RunJob

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(900)]

# A module beside the job, which no TaskManager can import; functions that call each other.
RULES = """
SPARE = 1

def kept(values: list[float]) -> list[float]:
    return sorted(values)[SPARE:-SPARE]
"""
JOB = """
from dataclasses import dataclass
from rules import kept
from anabranch.pipelines import Job

@dataclass(frozen=True)
class Run:
    run: str
    times: list[float]

job = Job("scores")
runs = job.read("{stream}", Run)

@job.function
def mean(times: list[float]) -> float:
    return sum(times) / len(times)

@job.function
def score(run: str, times: list[float]) -> float | None:
    return None if run == "none" else mean(kept(times))

job.sql(f"SELECT run, COUNT(*) AS n, MAX({{score}}(run, times)) AS score FROM {{runs}} GROUP BY run").write(
    "{scores}", key="run"
)
"""
FAILING_LINE = "return sum(times) / len(times)"


@pytest.fixture
def scores(make_stream: StreamMaker) -> tuple[StreamHandle, StreamHandle]:
    """Input and output, both in the document of the first."""
    stream, scores = make_stream(), make_stream()
    stream.document["groups"]["test"]["streams"] |= scores.document["groups"]["test"]["streams"]
    stream.publish()
    return stream, scores


@pytest.fixture
def folder(scores: tuple[StreamHandle, StreamHandle], tmp_path: Path) -> Path:
    stream, target = scores
    folder = tmp_path / "scores"
    folder.mkdir()
    (folder / "rules.py").write_text(RULES)
    (folder / "job.py").write_text(JOB.format(stream=stream.name, scores=target.name))
    (folder / "job.yaml").write_text(f"topology: {stream.topology}\ndead_letters: null\nparallelism: 2\n")
    return folder


def write(stream: StreamHandle, times: dict[str, list[float]]) -> None:
    with PrismProducer(stream.topology, stream.name) as producer:
        for run, values in times.items():
            producer.send(json.dumps({"run": run, "times": values}).encode())
        producer.flush(60)


def test_function_runs_on_a_cluster(
    scores: tuple[StreamHandle, StreamHandle], folder: Path, run_job: RunJob, flink_loop: Loop
) -> None:
    stream, target = scores
    write(stream, {"a": [9.0, 1.0, 3.0, 4.0], "none": [], **{f"r{n}": [0, n, 99] for n in range(50)}})
    cluster = f"--cluster={flink_loop.flink.rest_address}:{flink_loop.flink.rest_port}"

    run = run_job(folder, cluster, "--bounded")

    assert run.await_end(400) == 0, run.text
    clients = {broker.name: {"bootstrap.servers": broker.bootstrap} for broker in stream.loop.brokers}
    rows = [json.loads(value) for value in latest_values(clients, target.name).values()]
    assert {row["run"]: row["score"] for row in rows} == {
        "a": 3.5,
        "none": None,
        **{f"r{n}": float(n) for n in range(50)},
    }


def test_an_error_in_a_function_names_its_line_and_ends_the_job(
    scores: tuple[StreamHandle, StreamHandle], folder: Path, run_job: RunJob, flink_loop: Loop
) -> None:
    stream, _ = scores
    write(stream, {"a": [1.0, 2.0, 3.0], "empty": []})
    cluster = f"--cluster={flink_loop.flink.rest_address}:{flink_loop.flink.rest_port}"

    run = run_job(folder, cluster)

    assert run.await_end(400) == 1, run.text
    error = run.text.partition("error: ")[2]
    line = 1 + (folder / "job.py").read_text().splitlines().index(f"    {FAILING_LINE}")
    assert re.match(rf"\S*job\.py:{line}: ZeroDivisionError: division by zero\n", error), error
    assert len(error.splitlines()) <= 12, error
    trace = re.search(r"full trace: (\S+)", error)
    assert trace is not None
    assert "ZeroDivisionError" in Path(trace[1]).read_text()
    failing = run.latest("failing")
    assert failing["where"].endswith(f"job.py:{line}")
    assert flink_loop.flink.rest.job(run.latest("started")["job_id"]).state == "CANCELED"
