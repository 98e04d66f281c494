"""What happens in each training run: metrics by the minute, and the proof that every record was counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from anabranch.pipelines import Job, Metadata, last_by


@dataclass(frozen=True)
class Log:
    """One event of a run's log. The log may be any run's, so its value may be any JSON: read as text."""

    run: str
    seq: int
    time_ms: int
    key: str
    value: str | None
    value_hash: Annotated[int, Metadata("value-hash")]


@dataclass(frozen=True)
class RunMinute:
    """What one run did in one minute of its own time; `minute` counts from 1970."""

    run: str
    minute: int
    events: int
    samples_per_s: float | None
    step_ms: float | None
    accuracy: float | None


@dataclass(frozen=True)
class RunCount:
    """How many records a run has, and the sum of their hashes modulo 2^64."""

    run: str
    records: int
    hash_sum: int


job = Job("training-logs")
logs = job.read("training-logs", Log)

# Only events that tell a throughput mark a step: some runs report others under the same key. Both outputs
# read this query and none the input itself, above which Flink would not end mini-batches in time.
events = job.sql(f"""
    SELECT run, seq, time_ms, value_hash, time_ms / 60000 AS `minute`,
        CASE WHEN key = 'tracked_stats'
            THEN TRY_CAST(JSON_VALUE(`value`, '$.throughput') AS DOUBLE) END AS samples_per_s,
        CASE WHEN key = 'eval_accuracy' THEN `value` END AS accuracy
    FROM {logs}
""")

# Minutes without any are many, and Flink's TRY_CAST of null costs an exception, some 17 µs.
last_accuracy = last_by("accuracy", ("time_ms", "seq"))

# No windows: an event that comes late, after an outage, still counts.
job.sql(f"""
    SELECT run, `minute`, COUNT(*) AS events,
        AVG(samples_per_s) AS samples_per_s,
        CAST(MAX(time_ms) FILTER (WHERE samples_per_s IS NOT NULL)
            - MIN(time_ms) FILTER (WHERE samples_per_s IS NOT NULL) AS DOUBLE)
            / NULLIF(COUNT(samples_per_s) - 1, 0) AS step_ms,
        CASE WHEN {last_accuracy} IS NOT NULL THEN TRY_CAST({last_accuracy} AS DOUBLE) END AS accuracy
    FROM {events}
    GROUP BY run, `minute`
""").write("run-metrics", RunMinute, key=("run", "minute"))

# A sum, unlike XOR, shows two records of equal bytes; BIGINT wraps at 2^64, so order plays no part.
job.sql(f"""
    SELECT run, COUNT(*) AS records, SUM(value_hash) AS hash_sum
    FROM {events}
    GROUP BY run
""").write("run-counts", RunCount, key="run")
