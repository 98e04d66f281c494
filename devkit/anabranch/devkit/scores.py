"""The official scores, and the rule that they follow.

A run's time to train is ``run_stop.time_ms - run_start.time_ms`` (the first of each) and counts only if
``run_stop.metadata.status`` is ``success``. Let m be 4 for unet3d and 1 otherwise, and f the number of runs
without success: if f > m there is no score, otherwise the m fastest and the (m - f) slowest are dropped and
the rest is averaged (rule set 4.0.0 of mlperf-logging; source and check in data/README.md).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

from anabranch.devkit.dataset import Event, group_of
from anabranch.errors import ConfigurationError

__all__ = ["official_score", "read_scores", "scores_of"]


def official_score(benchmark: str | None, times_min: list[float], failed: int) -> float | None:
    """The score of one group in minutes, or None where too many runs failed.

    Args:
        benchmark: Name of the benchmark; None where no event tells.
        times_min: Times to train of the successful runs, minutes, in any order.
        failed: Number of runs without success.
    """
    spare = 4 if benchmark == "unet3d" else 1
    kept = sorted(times_min)[spare : len(times_min) - (spare - failed)]
    if failed > spare or not kept:
        return None
    return sum(kept) / len(kept)


def read_scores(path: Path) -> dict[str, float | None]:
    """Score in minutes by group, from a CSV with columns ``group`` and ``score_minutes``."""
    try:
        with path.open(newline="") as file:
            rows = csv.DictReader(file)
            if not {"group", "score_minutes"} <= set(rows.fieldnames or ()):
                raise KeyError("group", "score_minutes")
            return {
                row["group"]: float(row["score_minutes"]) if row["score_minutes"] else None for row in rows
            }
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise ConfigurationError(
            f"cannot read scores: {error!r}", where=str(path), hint="columns: group, score_minutes"
        ) from error


def scores_of(events: Iterable[Event]) -> dict[str, float | None]:
    """Score in minutes by group, computed from the events; for inputs that come without official scores."""
    start: dict[str, int] = {}
    stop: dict[str, tuple[int, bool]] = {}
    benchmark: dict[str, str | None] = {}
    runs: dict[str, set[str]] = {}
    for event in events:
        runs.setdefault(group_of(event.run), set()).add(event.run)
        if not any(
            key in event.payload for key in (b'"run_start"', b'"run_stop"', b'"submission_benchmark"')
        ):
            continue
        record = json.loads(event.payload)
        key = record.get("key")
        if key == "run_start":
            start.setdefault(event.run, record["time_ms"])
        elif key == "run_stop":
            stop.setdefault(event.run, (record["time_ms"], _succeeded(record.get("metadata"))))
        elif key == "submission_benchmark":
            benchmark.setdefault(group_of(event.run), record.get("value"))
    scores: dict[str, float | None] = {}
    for group, members in runs.items():
        times = [
            (stop[run][0] - start[run]) / 60_000
            for run in members
            if run in start and stop.get(run, (0, False))[1]
        ]
        scores[group] = official_score(benchmark.get(group), times, len(members) - len(times))
    return scores


def _succeeded(metadata: object) -> bool:
    return isinstance(metadata, dict) and metadata.get("status") == "success"
