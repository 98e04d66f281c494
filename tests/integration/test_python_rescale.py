"""A Python job is rescaled while a primary is down: its counts go on, each record counted once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from anabranch.devkit import process
from tests.integration.counting import RECORDS

if TYPE_CHECKING:
    from tests.integration.conftest import JobRun, RunJob
    from tests.integration.counting import Counting

pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.long, pytest.mark.timeout(900)]


def await_counted(counting: Counting, run: JobRun, records: int) -> None:
    """Waits until so many are counted, and for two checkpoints more; each was counted once."""
    process.await_condition(
        lambda: sum(counting.counted().values()) >= records, 200, f"{records} in {run.log}"
    )
    before = run.latest("progress").get("checkpoints", 0)
    run.await_event("progress", lambda event: event["checkpoints"] >= before + 2, 100)
    assert counting.counted() == {f"r{place}": records // 3 for place in range(3)}


def stop(run: JobRun) -> str:
    """Where it can go on."""
    run.interrupt()
    assert run.await_end(200) == 130, run.text
    return str(run.latest("stopped")["checkpoint"])


@pytest.mark.parametrize("where", ["here", "on a cluster"])
def test_one_three_and_two_subtasks_count_each_record_once(
    counting: Counting, run_job: RunJob, request: pytest.FixtureRequest, where: str
) -> None:
    options = []
    if where != "here":
        flink = request.getfixturevalue("flink_loop").flink
        options = [f"--cluster={flink.rest_address}:{flink.rest_port}"]
    run = run_job(counting.folder, *options, "--parallelism=1")
    counting.write(0)
    await_counted(counting, run, RECORDS)
    checkpoint = stop(run)

    counting.forget_what_was_read()
    counting.write(RECORDS, home="b")  # waits there until b is back
    broker = counting.stream.loop.broker("b")
    broker.kill()
    counting.write(2 * RECORDS)
    run = run_job(counting.folder, *options, "--parallelism=3", f"--restore={checkpoint}")
    await_counted(counting, run, 2 * RECORDS)
    checkpoint = stop(run)

    run = run_job(counting.folder, *options, "--parallelism=2", f"--restore={checkpoint}")
    run.await_event("progress", lambda event: event["away"] == ["b"], 200)
    broker.restart()
    await_counted(counting, run, 3 * RECORDS)
    stop(run)
