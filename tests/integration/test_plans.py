"""The plans of the reference jobs: nothing hidden before a sink, and operators that a restore finds."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("plan_job.py")
GOLDEN = Path(__file__).with_name("golden")
JOBS = ("training-logs", "training-results")

pytestmark = [pytest.mark.flink, pytest.mark.timeout(300)]


def plan(job: str, *options: str, cwd: Path = ROOT) -> dict[str, Any]:
    """The job's plan, from a process of its own."""
    done = subprocess.run(
        [sys.executable, SCRIPT, ROOT / "flink-jobs" / job, *options],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


first_plan = lru_cache(plan)


def golden(job: str) -> list[str]:
    lines = (GOLDEN / f"{job}.operators.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("job", JOBS)
def test_operators_are_those_that_checkpoints_know(job: str) -> None:
    operators = first_plan(job)["operators"]
    assert operators == golden(job), f"{job} cannot be restored any more: see {GOLDEN}/{job}.operators.txt"
    uids = [line.partition("\t")[0] for line in operators]
    assert all(uids), "an operator without a uid goes by its place in the whole job"
    assert len(set(uids)) == len(uids)


@pytest.mark.parametrize("job", JOBS)
def test_sinks_are_keyed_as_their_queries_are_unique(job: str) -> None:
    told = first_plan(job)
    assert len(told["sinks"]) == 2
    for stream, sink in told["sinks"].items():
        assert sink["key"] == sink["upsert_key"], stream
        assert not sink["materialized"], stream
    assert not [name for name in told["names"] if "SinkMaterializer" in name]


@pytest.mark.long
@pytest.mark.parametrize("job", JOBS)
def test_another_process_plans_the_same(job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    assert plan(job, cwd=tmp_path) == first_plan(job)


@pytest.mark.long
def test_a_materializer_would_be_noticed() -> None:
    told = plan("training-logs", "table.exec.sink.upsert-materialize=FORCE")
    assert all(sink["materialized"] for sink in told["sinks"].values())
    assert [name for name in told["names"] if "SinkMaterializer" in name]
    assert told["operators"] != golden("training-logs")
