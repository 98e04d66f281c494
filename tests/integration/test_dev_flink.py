"""A Flink session cluster of real processes: runs a job, and keeps it through a TaskManager's death."""

from __future__ import annotations

import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from anabranch.devkit import process
from anabranch.devkit.flink_rest import FlinkRest
from anabranch.devkit.loop import Loop
from anabranch.devkit.service import ServiceState
from anabranch.errors import ConfigurationError, JobError
from anabranch.pipelines.savepoints import take_savepoint
from anabranch.pipelines.uris import file_uri

pytestmark = [pytest.mark.flink, pytest.mark.brokers, pytest.mark.timeout(600)]


@pytest.fixture
def job_id(flink_loop: Loop) -> str:
    """Id of an endless job that keeps state and takes a checkpoint each second."""
    script = Path(__file__).with_name("counting_job.py")
    flink = flink_loop.flink
    argv: list[str | Path] = [sys.executable, script, flink.rest_address, str(flink.rest_port)]
    done = process.run(argv, timeout_s=240)
    assert done.code == 0, done.output
    return done.output.splitlines()[-1]


def test_job_survives_the_death_of_a_task_manager(flink_loop: Loop, job_id: str) -> None:
    flink, rest = flink_loop.flink, flink_loop.flink.rest
    rest.await_running(job_id, timeout_s=120)
    process.await_condition(lambda: rest.completed_checkpoints(job_id) >= 1, 120, "a checkpoint")
    flink.kill_task_manager(0)
    assert flink.task_managers[0].state is ServiceState.DOWN
    process.await_condition(lambda: rest.job(job_id).state == "RESTARTING", 60, "the death to be noticed")
    flink.start_task_manager(0)
    rest.await_running(job_id, timeout_s=120)
    assert (rest.restored_checkpoint(job_id) or 0) >= 1
    assert rest.exceptions(job_id)

    path = Path(urllib.parse.urlparse(take_savepoint(rest, job_id)).path)
    assert file_uri(path.parent) == flink.savepoints
    assert (path / "_metadata").is_file()
    assert rest.cancel(job_id).state == "CANCELED"


def test_web_page_shows_the_logs(flink_loop: Loop) -> None:
    with urllib.request.urlopen(f"{flink_loop.flink.url}/jobmanager/log", timeout=20) as answer:
        assert b"Starting StandaloneSessionClusterEntrypoint" in answer.read()
    for task_manager in flink_loop.flink.rest.task_managers():
        page = f"{flink_loop.flink.url}/taskmanagers/{task_manager['id']}/log"
        with urllib.request.urlopen(page, timeout=20) as answer:
            assert b"Starting TaskManager" in answer.read()


def test_misuse_is_told(flink_loop: Loop) -> None:
    with pytest.raises(ConfigurationError, match="there is no TaskManager 7"):
        flink_loop.flink.kill_task_manager(7)
    with pytest.raises(ConfigurationError, match="taskmanager-0 is already up"):
        flink_loop.flink.start_task_manager(0)
    with pytest.raises(JobError, match="knows no job feedbeef"):
        flink_loop.flink.rest.job("feedbeef")
    with pytest.raises(JobError, match="Flink refused GET /jobs/nonsense"):
        FlinkRest(flink_loop.flink.url).get("/jobs/nonsense")
