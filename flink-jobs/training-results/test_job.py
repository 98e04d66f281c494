"""The rules of the leaderboard, on runs made by hand and in any order of arrival."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from anabranch.pipelines.testing import load, run_on_files

START_MS = 1_700_000_000_000


def run(
    name: str, minutes: float, *, status: str = "success", benchmark: str = "bert"
) -> list[dict[str, Any]]:
    """The events of one run that matter."""
    events: list[tuple[int, str, object, dict[str, Any]]] = [
        (0, "submission_org", "Acme", {}),
        (0, "submission_platform", "8xAbacus", {}),
        (0, "submission_benchmark", benchmark, {}),
        (0, "submission_division", "closed", {}),
        (0, "run_start", None, {}),
        (1, "eval_accuracy", 0.5, {}),
        (2, "eval_accuracy", 0.75, {}),
        (round(minutes * 60_000), "run_stop", None, {"status": status}),
    ]
    return [
        {"run": name, "seq": seq, "time_ms": START_MS + at, "key": key, "value": value, "metadata": metadata}
        for seq, (at, key, value, metadata) in enumerate(events)
    ]


def _logs() -> list[dict[str, Any]]:
    logs: list[dict[str, Any]] = []
    for index, minutes in enumerate((30, 10, 20, 50, 40)):
        logs += run(f"Acme/five/bert/result_{index}", minutes)
        logs += run(
            f"Acme/one-failed/bert/result_{index}", minutes, status="aborted" if index == 1 else "success"
        )
        logs += run(
            f"Acme/two-failed/bert/result_{index}", minutes, status="aborted" if index < 2 else "success"
        )
    for index in range(10):
        logs += run(f"Acme/ten/unet3d/result_{index}", 10 + index, benchmark="unet3d")
    logs += [event for event in run("Acme/unfinished/bert/result_0", 5) if event["key"] != "run_stop"]
    # What is logged again later does not count, and neither does what arrives first.
    again = run("Acme/again/bert/result_0", 7)
    logs += [*again, {**again[-1], "seq": 90, "metadata": {"status": "aborted"}}]
    logs += [{**again[-1], "seq": 91, "time_ms": START_MS + 10_000_000, "metadata": {}}]
    logs += [{**again[4], "seq": 92, "time_ms": START_MS + 60_000}]
    # The values of keys that do not matter may be anything.
    logs.append({**again[0], "seq": 93, "key": "opt_name", "value": {"a": [1, None]}})
    random.Random(4).shuffle(logs)
    return logs


@pytest.fixture(scope="module")
def written() -> dict[str, dict[str, Any]]:
    """What the job wrote: of each stream the rows by their key."""
    streams = run_on_files(load(Path(__file__).parent), {"training-logs": _logs()})
    keys = {"run-results": "run", "leaderboard": "group"}
    return {stream: {row[keys[stream]]: row for row in rows} for stream, rows in streams.items()}


@pytest.mark.flink
@pytest.mark.timeout(500)
@pytest.mark.parametrize(
    ("group", "runs", "failed", "score"),
    [
        ("Acme/five/bert", 5, 0, (20 + 30 + 40) / 3),
        ("Acme/one-failed/bert", 5, 1, (30 + 40 + 50) / 3),
        ("Acme/two-failed/bert", 5, 2, None),
        ("Acme/ten/unet3d", 10, 0, (14 + 15) / 2),
        ("Acme/unfinished/bert", 1, 1, None),
        ("Acme/again/bert", 1, 0, None),
    ],
)
def test_score_is_the_mean_without_the_ends(
    written: dict[str, dict[str, Any]], group: str, runs: int, failed: int, score: float | None
) -> None:
    row = written["leaderboard"][group]
    assert (row["runs"], row["failed_runs"]) == (runs, failed)
    assert row["score_minutes"] == (None if score is None else pytest.approx(score, abs=1e-9))
    assert (row["org"], row["platform"], row["division"]) == ("Acme", "8xAbacus", "closed")


@pytest.mark.flink
@pytest.mark.timeout(500)
def test_the_first_start_and_stop_of_a_run_count(written: dict[str, dict[str, Any]]) -> None:
    row = written["run-results"]["Acme/again/bert/result_0"]
    assert (row["status"], row["minutes"], row["accuracy"]) == ("success", 7.0, 0.75)


@pytest.mark.flink
@pytest.mark.timeout(500)
def test_a_run_without_success_has_no_time(written: dict[str, dict[str, Any]]) -> None:
    row = written["run-results"]["Acme/two-failed/bert/result_0"]
    assert (row["status"], row["minutes"]) == ("aborted", None)
    assert written["run-results"]["Acme/unfinished/bert/result_0"]["status"] is None
    json.dumps(row)
