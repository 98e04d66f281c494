"""`anabranch run` tells whoever watches it that a primary is away and that it is back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from anabranch.devkit import process
from tests.integration.counting import RECORDS

if TYPE_CHECKING:
    from tests.integration.conftest import JobRun, RunJob
    from tests.integration.counting import Counting

pytestmark = [pytest.mark.brokers, pytest.mark.long, pytest.mark.timeout(600)]


def said(run: JobRun, text: str) -> bool:
    return any(text in event.get("text", "") for event in run.events)


def reached(progress: dict[str, Any]) -> dict[str, bool]:
    return {primary["name"]: primary["answers"] and primary["takes"] for primary in progress["primaries"]}


def test_an_outage_is_told_and_a_second_run_is_refused(counting: Counting, run_job: RunJob) -> None:
    run = run_job(counting.folder)
    counting.write(0)
    run.await_event("progress", lambda event: reached(event) == {"a": True, "b": True}, 200)
    assert not said(run, "primary "), run.text

    broker = counting.stream.loop.broker("b")
    broker.kill()
    process.await_condition(lambda: said(run, "primary b does not answer"), 60, run.text)
    assert said(run, ": its partitions wait where they stand, the others are read"), run.text
    run.await_event("progress", lambda event: event["away"] == ["b"], 60)
    again = run_job(counting.folder, "--no-check")
    assert again.await_end(60) == 1, again.text
    assert f"count-runs runs here already, as process {run.ref.pid}" in again.text

    broker.restart()
    process.await_condition(lambda: said(run, "primary b is back"), 60, run.text)
    process.await_condition(lambda: sum(counting.counted().values()) == RECORDS, 100, "all counted")
    run.interrupt()
    assert run.await_end(100) == 130, run.text
