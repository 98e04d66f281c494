"""From the events of training runs to their results, and to the leaderboard by MLPerf's rules."""

from __future__ import annotations

from dataclasses import dataclass

from anabranch.pipelines import Job, first_by, last_by


@dataclass(frozen=True)
class Log:
    """One event of a run's log; value and metadata as JSON text, for their types change from run to run."""

    run: str
    seq: int
    time_ms: int
    key: str
    value: str | None
    metadata: str | None


@dataclass(frozen=True)
class RunResult:
    """One run as far as its log has come; `minutes` only of a run that succeeded."""

    run: str
    org: str | None
    platform: str | None
    benchmark: str | None
    division: str | None
    start_ms: int | None
    stop_ms: int | None
    status: str | None
    accuracy: float | None
    minutes: float | None


@dataclass(frozen=True)
class Score:
    """One line of the leaderboard; a run that has not succeeded (yet) counts as failed."""

    group: str
    org: str | None
    platform: str | None
    benchmark: str | None
    division: str | None
    runs: int
    failed_runs: int
    score_minutes: float | None


# How many of a group's runs may fail, and are dropped at either end: MLPerf Training's rule.
SPARE_RUNS = {"unet3d": 4}
SPARE_RUNS_OTHERWISE = 1

IN_LOG_ORDER = ("time_ms", "seq")


def first(key: str, value: str = "`value`") -> str:
    """The first value that a run logged under a key, whatever the order of arrival."""
    return first_by(f"CASE WHEN key = '{key}' THEN {value} END", IN_LOG_ORDER)


job = Job("training-results")
logs = job.read("training-logs", Log)

results = job.sql(
    f"""
    SELECT *, CASE WHEN status = 'success' THEN stop_ms - start_ms END AS took_ms,
        CASE WHEN status = 'success' THEN (stop_ms - start_ms) / 60000e0 END AS minutes
    FROM (
        SELECT run,
            {first("submission_org")} AS org,
            {first("submission_platform")} AS platform,
            {first("submission_benchmark")} AS benchmark,
            {first("submission_division")} AS division,
            MIN(CASE WHEN key = 'run_start' THEN time_ms END) AS start_ms,
            MIN(CASE WHEN key = 'run_stop' THEN time_ms END) AS stop_ms,
            {first("run_stop", "COALESCE(JSON_VALUE(metadata, '$.status'), '')")} AS status,
            TRY_CAST({last_by("CASE WHEN key = 'eval_accuracy' THEN `value` END", IN_LOG_ORDER)} AS DOUBLE)
                AS accuracy
        FROM {logs}
        WHERE key IN ('run_start', 'run_stop', 'eval_accuracy', 'submission_org', 'submission_platform',
            'submission_benchmark', 'submission_division')
        GROUP BY run
    )
""",
    name="results",
)
results.write("run-results", RunResult, key="run", format="avro")

# Of each group the times in ascending order, runs without success at the end as nulls.
groups = job.sql(
    f"""
    SELECT REGEXP_REPLACE(run, '/[^/]*$', '') AS `group`,
        {first_by("org", ("start_ms",))} AS org,
        {first_by("platform", ("start_ms",))} AS platform,
        {first_by("benchmark", ("start_ms",))} AS benchmark,
        {first_by("division", ("start_ms",))} AS division,
        CAST(COUNT(*) AS INT) AS runs,
        CAST(COUNT(*) - COUNT(took_ms) AS INT) AS failed_runs,
        SUM(took_ms) AS total_ms,
        ARRAY_SORT(ARRAY_AGG(took_ms), TRUE, FALSE) AS times
    FROM {results}
    GROUP BY REGEXP_REPLACE(run, '/[^/]*$', '')
""",
    name="groups",
)

spare = "CASE benchmark " + "".join(f"WHEN '{name}' THEN {runs} " for name, runs in SPARE_RUNS.items())
rules = job.sql(f"SELECT *, {spare} ELSE {SPARE_RUNS_OTHERWISE} END AS spare FROM {groups}", name="rules")

# The mean of what is left when `spare` runs are dropped at either end. In whole milliseconds, so that
# the score does not depend on the order in which runs finished.
dropped = " + ".join(
    f"CASE WHEN spare >= {n} THEN COALESCE(times[{n}], 0) + COALESCE(times[runs - {n - 1}], 0) ELSE 0 END"
    for n in range(1, max(SPARE_RUNS.values()) + 1)
)
job.sql(f"""
    SELECT `group`, org, platform, benchmark, division, runs, failed_runs,
        CASE WHEN failed_runs <= spare AND runs > 2 * spare
            THEN (total_ms - ({dropped})) / ((runs - 2 * spare) * 60000e0) END AS score_minutes
    FROM {rules}
""").write("leaderboard", Score, key="group")
