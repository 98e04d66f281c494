"""What is counted of each run, on a few events in any order of arrival."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from anabranch.pipelines.testing import load, run_on_files

MINUTE_MS = 60_000
BIG = 2**63 - 5


def _event(seq: int, time_ms: int, key: str = "init_start", value: object = None) -> dict[str, Any]:
    return {"run": "r", "seq": seq, "time_ms": time_ms, "key": key, "value": value, "value_hash": BIG}


@pytest.fixture(scope="module")
def written() -> dict[str, list[dict[str, Any]]]:
    """What the job wrote."""
    logs = [
        _event(0, 10),
        _event(1, 100, "tracked_stats", {"throughput": 100.0, "loss": 2}),
        _event(2, 300, "tracked_stats", {"throughput": 200}),
        _event(3, 500, "tracked_stats", {"walltime": 11.0}),
        _event(4, 700, "tracked_stats", {"throughput": 300.0}),
        _event(5, 700, "eval_accuracy", 0.5),
        _event(6, 700, "eval_accuracy", 0.625),
        _event(7, 200, "eval_accuracy", 0.75),
        _event(8, 2 * MINUTE_MS, "status", "success"),
    ]
    random.Random(2).shuffle(logs)
    return run_on_files(load(Path(__file__).parent), {"training-logs": logs}, parallelism=2)


@pytest.mark.flink
@pytest.mark.timeout(500)
def test_metrics_are_by_the_runs_own_minute(written: dict[str, list[dict[str, Any]]]) -> None:
    first, third = sorted(written["run-metrics"], key=lambda row: int(row["minute"]))
    assert first == {
        "run": "r", "minute": 0, "events": 8, "samples_per_s": 200.0, "step_ms": 300.0, "accuracy": 0.625,
    }  # fmt: skip
    assert third == {
        "run": "r", "minute": 2, "events": 1, "samples_per_s": None, "step_ms": None, "accuracy": None,
    }  # fmt: skip


@pytest.mark.flink
@pytest.mark.timeout(500)
def test_the_sum_of_hashes_wraps_at_64_bits(written: dict[str, list[dict[str, Any]]]) -> None:
    expected = (9 * BIG + 2**63) % 2**64 - 2**63
    assert written["run-counts"] == [{"run": "r", "records": 9, "hash_sum": expected}]
