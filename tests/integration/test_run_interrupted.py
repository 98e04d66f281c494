"""Ctrl-C ends a run, and its checkpoint goes on counting where it was: each record once."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.devkit import process
from anabranch.devkit.loop import Loop
from tests.integration.counting import RECORDS, Counting

if TYPE_CHECKING:
    from tests.integration.conftest import JobRun, RunJob

pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(900)]


def interrupt_while_counting(counting: Counting, run: JobRun) -> None:
    """Lets it count the first half for good, and interrupts it amid the second."""
    counting.write(0)
    run.await_event("started", lambda event: True, 300)
    process.await_condition(lambda: sum(counting.counted().values()) == RECORDS, 200, "the first half")
    # On a busy machine all is counted before the run has told of anything.
    before = run.latest("progress").get("checkpoints", 0)
    run.await_event("progress", lambda event: event["checkpoints"] >= before + 2, 200)
    counting.forget_what_was_read()
    writer = threading.Thread(target=counting.write, args=(RECORDS,), kwargs={"pause_s": 0.01})
    writer.start()
    process.await_condition(
        lambda: sum(counting.counted().values()) > RECORDS, 200, "some of the second half"
    )
    run.interrupt()
    assert run.await_end(200) == 130, run.text
    writer.join()


def goes_on_counting(counting: Counting, run: JobRun) -> None:
    """Counts the rest, nothing twice, and is ended as the first run was."""
    process.await_condition(
        lambda: sum(counting.counted().values()) >= 2 * RECORDS, 400, "the second half", every_s=0.5
    )
    # On a busy machine all is counted before the run has told of anything.
    before = run.latest("progress").get("checkpoints", 0)
    run.await_event("progress", lambda event: event["checkpoints"] >= before + 3, 200)
    assert counting.counted() == {f"r{place}": 2 * RECORDS // 3 for place in range(3)}
    run.interrupt()
    assert run.await_end(200) == 130, run.text
    assert run.left_over() == []


@pytest.mark.long
def test_here_the_printed_line_goes_on(counting: Counting, run_job: RunJob) -> None:
    run = run_job(counting.folder)
    interrupt_while_counting(counting, run)
    assert run.left_over() == []
    stopped = run.latest("stopped")
    assert stopped["state"] == "CANCELED"
    assert sum(counting.counted().values()) > RECORDS
    line = run.events[-1]["text"].removeprefix("to go on: ")
    assert line == f"anabranch run {counting.folder} --json --restore {stopped['checkpoint']}"

    folder, *options = shlex.split(line)[2:]
    goes_on_counting(counting, run_job(Path(folder), *options))


@pytest.mark.long
def test_sigterm_to_the_whole_group_cancels_the_job(
    counting: Counting, run_job: RunJob, flink_loop: Loop
) -> None:
    # The JVM is in the group, too: if it ended first, nobody could cancel.
    run = run_job(counting.folder, f"--cluster={flink_loop.flink.rest_address}:{flink_loop.flink.rest_port}")
    run.await_event("progress", lambda event: event["checkpoints"] >= 1, 300)
    run.terminate()
    assert run.await_end(200) == 143, run.text
    assert run.latest("stopped")["state"] == "CANCELED"
    assert flink_loop.flink.rest.job(run.latest("started")["job_id"]).state == "CANCELED"
    assert run.left_over() == []


@pytest.mark.long
def test_on_a_cluster_the_latest_goes_on(counting: Counting, run_job: RunJob, flink_loop: Loop) -> None:
    cluster = f"--cluster={flink_loop.flink.rest_address}:{flink_loop.flink.rest_port}"
    run = run_job(counting.folder, cluster)
    interrupt_while_counting(counting, run)
    assert run.left_over() == []
    job_id = run.latest("started")["job_id"]
    assert flink_loop.flink.rest.job(job_id).state == "CANCELED"

    again = run_job(counting.folder, cluster, "--restore=latest")
    goes_on_counting(counting, again)
    checkpoint = run.latest("stopped")["checkpoint"]
    assert any(event.get("text") == f"starts from {checkpoint}" for event in again.events)


def test_ctrl_c_while_flink_starts_leaves_nothing(counting: Counting, run_job: RunJob) -> None:
    run = run_job(counting.folder)
    process.await_condition(lambda: len(run.left_over()) > 1, 120, "the JVM")
    run.interrupt()
    assert run.await_end(120) == 130, run.text
    assert run.left_over() == []
    assert "Traceback" not in run.text


@pytest.mark.parametrize(
    ("pause_s", "after_s"),
    [
        (0.0, 1.0),
        (0.05, 1.0),
        pytest.param(0.0, 3.0, marks=pytest.mark.long),
        pytest.param(0.05, 3.0, marks=pytest.mark.long),
    ],
)
def test_ctrl_c_twice_while_flink_starts_says_no_more_than_once(
    counting: Counting, run_job: RunJob, pause_s: float, after_s: float
) -> None:
    run = run_job(counting.folder)
    run.await_event("note", lambda event: "log is in" in event["text"], 120)  # the JVM is up, and plans
    time.sleep(after_s)
    for wait_s in (pause_s, 0):
        os.kill(run.ref.pid, signal.SIGINT)
        time.sleep(wait_s)
    assert run.await_end(120) == 130, run.text
    assert run.left_over() == []
    told = [line for line in run.text.splitlines() if not line.startswith("{")]
    assert [line for line in told if line] == ["interrupted"]


def test_a_checkpoint_that_only_the_cluster_misses(
    counting: Counting, run_job: RunJob, flink_loop: Loop
) -> None:
    cluster = f"--cluster={flink_loop.flink.rest_address}:{flink_loop.flink.rest_port}"
    run = run_job(counting.folder, cluster, "--set=execution.state-recovery.path=/nowhere/chk-1")
    assert run.await_end(300) == 1, run.text
    error = run.text.partition("error: ")[2]
    assert "/nowhere/chk-1" in error.splitlines()[0]
    assert "next: " in error
    assert len(error.splitlines()) <= 12
