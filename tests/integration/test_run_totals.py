"""What a run here says in the end, when Flink has ended with it: exact totals, and where its log is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.connectors import PrismProducer

if TYPE_CHECKING:
    from tests.conftest import StreamMaker
    from tests.integration.conftest import RunJob

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(300)]

JOB = """
from dataclasses import dataclass
from anabranch.pipelines import Job

@dataclass(frozen=True)
class Number:
    n: int

job = Job("totals")
job.read("{stream}", Number).write("{target}", ids="none")
"""
RECORDS = 500


def test_totals_of_a_job_that_ended_here(make_stream: StreamMaker, run_job: RunJob, tmp_path: Path) -> None:
    stream, target = make_stream(), make_stream()
    stream.document["groups"]["test"]["streams"] |= target.document["groups"]["test"]["streams"]
    stream.publish()
    with PrismProducer(stream.topology, stream.name) as producer:
        for number in range(RECORDS):
            producer.send(json.dumps({"n": number}).encode())
    folder = tmp_path / "totals"
    folder.mkdir()
    (folder / "job.py").write_text(JOB.format(stream=stream.name, target=target.name))
    settings = f"topology: {stream.topology}\ndead_letters: null\nparallelism: 1\n"
    (folder / "job.yaml").write_text(settings)

    run = run_job(folder, "--bounded")

    assert run.await_end(150) == 0, run.text
    stopped = run.latest("stopped")
    assert (stopped["state"], stopped["records_in"], stopped["records_out"]) == ("FINISHED", RECORDS, RECORDS)
    assert 0 < stopped["took_s"] < 150
    [log] = [note for note in run.text.splitlines() if "Flink's log is in " in note]
    path = Path(json.loads(log)["text"].removeprefix("Flink's log is in "))
    assert [file.suffix for file in path.iterdir()] == [".log"]
