"""The life of a late record in one running job: set aside with its reason, shown, replayed, counted once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from anabranch.cli.dead_letters import command
from anabranch.connectors import PrismProducer, RecordId
from anabranch.devkit import process
from anabranch.devkit.gather import latest_values

if TYPE_CHECKING:
    from tests.conftest import StreamMaker, WriteCountingJob
    from tests.integration.conftest import RunJob

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(900)]

HORIZON_S = 3600
SETTINGS = """
topology: {topology}
parallelism: 1
dead_letters: {letters}
checkpoints: {{interval_s: 1}}
mini_batch: {{latency_s: 0.2}}
inputs: {{dedup.horizon: {horizon} s}}
"""


class Late:
    """A stream with its counts and its dead letters, and what the commands say of these."""

    def __init__(self, make_stream: StreamMaker) -> None:
        self.stream, self.counts, self.letters = make_stream(), make_stream(), make_stream()
        streams = self.stream.document["groups"]["test"]["streams"]
        for other in (self.counts, self.letters):
            streams |= other.document["groups"]["test"]["streams"]
        self.stream.publish()

    def send(self, place: int, run: str, *, age_s: float = 0) -> None:
        created_ms = int((time.time() - age_s) * 1000)
        value = json.dumps({"run": run}).encode()
        with PrismProducer(self.stream.topology, self.stream.name) as producer:
            producer.send(value, id=RecordId.supplied("late-test", place), timestamp_ms=created_ms)

    def counted(self) -> dict[str, int]:
        clients = {
            broker.name: {"bootstrap.servers": broker.bootstrap} for broker in self.stream.loop.brokers
        }
        rows = [json.loads(value) for value in latest_values(clients, self.counts.name).values()]
        return {row["run"]: row["records"] for row in rows}

    def await_counted(self, wanted: dict[str, int]) -> None:
        process.await_condition(lambda: self.counted() == wanted, 200, f"{wanted}", every_s=0.5)

    def command(self, *arguments: str) -> str:
        """What `anabranch dead-letters` prints."""
        options = ["--topology", self.stream.topology, "--stream", self.letters.name]
        result = CliRunner().invoke(command, [*arguments, *options])
        assert result.exit_code == 0, result.output
        return result.stdout

    def letters_shown(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.command("show", "--json").splitlines()]


def job_folder(folder: Path, late: Late, write_counting_job: WriteCountingJob) -> Path:
    folder.mkdir()
    write_counting_job(folder, late.stream.name, late.counts.name)
    settings = SETTINGS.format(topology=late.stream.topology, letters=late.letters.name, horizon=HORIZON_S)
    (folder / "job.yaml").write_text(settings)
    return folder


def test_a_late_record_is_set_aside_shown_and_counted_once_it_is_replayed(
    make_stream: StreamMaker, run_job: RunJob, tmp_path: Path, write_counting_job: WriteCountingJob
) -> None:
    late = Late(make_stream)
    late.send(0, "r")
    run = run_job(job_folder(tmp_path / "count-runs", late, write_counting_job))
    run.await_event("started", lambda event: True, 300)
    late.await_counted({"r": 1})  # from now on the job knows what is new

    late.send(1, "r", age_s=2 * HORIZON_S)
    late.send(2, "r", age_s=HORIZON_S / 2)
    late.await_counted({"r": 2})
    process.await_condition(lambda: bool(late.letters_shown()), 100, "the letter", every_s=0.5)
    (letter,) = late.letters_shown()
    assert letter["reason"] == "late"
    assert letter["record_id"] == RecordId.supplied("late-test", 1).hex()
    assert (letter["stream"], json.loads(letter["value"])) == (late.stream.name, {"run": "r"})
    assert "before the horizon" in letter["detail"]
    assert "1 letter" in late.command("show", "--reason", "late")

    assert "1 of 1 replayed" in late.command("replay", "--reason", "late")
    late.await_counted({"r": 3})
    assert "1 of 1 replayed" in late.command("replay", "--reason", "late"), "as the same replay"
    late.send(3, "after")  # what was counted before it shows, had it been counted twice
    late.await_counted({"r": 3, "after": 1})
    before = run.latest("progress")["checkpoints"]
    run.await_event("progress", lambda event: event["checkpoints"] >= before + 3, 200)
    assert late.counted() == {"r": 3, "after": 1}
    assert len(late.letters_shown()) == 1

    run.interrupt()
    assert run.await_end(200) == 130, run.text
