"""From settings to Flink's options, with defaults that lose nothing."""

from __future__ import annotations

import math
import os
from pathlib import Path

from anabranch.pipelines.settings import Settings
from anabranch.pipelines.uris import as_uri

__all__ = [
    "CHECKPOINT_DIR",
    "SAVEPOINT_DIR",
    "checkpoint_uri",
    "flink_configuration",
    "state_folder",
    "state_options",
]

CHECKPOINT_DIR = "execution.checkpointing.dir"
"""Flink's own name of the place of checkpoints."""

SAVEPOINT_DIR = "execution.checkpointing.savepoint-dir"
"""Flink's own name of the place of savepoints."""

_DEFAULTS = Settings()
# Storage that is away for so long ends no job. What lasts, such as a role that was withdrawn, fails it then:
# somebody hears of it, and a restart may find a machine with room on its disk.
_OUTAGE_S = 600


def state_folder(job: str) -> Path:
    """Where a job's checkpoints, logs and traces go when nothing else is said."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "anabranch" / "jobs" / job


def flink_configuration(
    job: str, settings: Settings, folder: Path, restored: str | None = None
) -> dict[str, str]:
    """Flink's options for one run; ``settings.flink`` wins over all of them.

    Args:
        job: Its name.
        settings: Of the run.
        folder: Of the job, for checkpoints that have no other place.
        restored: URI of the checkpoint or savepoint that it starts from.
    """
    options = {
        "pipeline.name": job,
        "parallelism.default": str(settings.parallelism),
        # SQL's own operators copy what they keep, so the copies between chained ones are waste.
        "pipeline.object-reuse": "true",
        # A kill while records are in flight must find state again by these.
        "table.exec.uid.generation": "ALWAYS",
        "python.execution-mode": "thread",
        **_checkpoints(settings, folder),
        **_planner(settings),
        **_target(settings),
    }
    if restored is not None:
        options["execution.state-recovery.path"] = restored
    return options | {key: _text(value) for key, value in settings.flink.items()}


def state_options(settings: Settings = _DEFAULTS) -> dict[str, str]:
    """How state is kept. By default it is so, too, on the local loop's Flink and in docker-compose.yml.

    Args:
        settings: Of the run.
    """
    return {
        "state.backend.type": settings.state.backend,
        "execution.checkpointing.incremental": str(settings.state.incremental).lower(),
        "execution.checkpointing.num-retained": str(settings.checkpoints.retained),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        # Flink's own is none: the job would start anew, for which it needs the very storage that is away. One
        # checkpoint in each interval is the most that can fail.
        "execution.checkpointing.tolerable-failed-checkpoints": str(
            math.ceil(_OUTAGE_S / settings.checkpoints.interval_s)
        ),
        # Of RocksDB's files that is a second link to each: what survives a failure need not be fetched.
        "execution.checkpointing.local-backup.enabled": "true",
        "execution.state-recovery.from-local": "true",
    }


def checkpoint_uri(settings: Settings, folder: Path) -> str:
    """The folder in which Flink makes one for each run, named by the run's job id.

    Args:
        settings: Of the run.
        folder: Of the job.
    """
    chosen = settings.flink.get(CHECKPOINT_DIR) or settings.checkpoints.dir
    # Without a directory checkpoints go to the JobManager's memory, which is full at 5 MiB: the job then
    # restarts for ever.
    return as_uri(str(chosen or folder / "checkpoints"))


def _checkpoints(settings: Settings, folder: Path) -> dict[str, str]:
    chosen = settings.checkpoints
    return {
        CHECKPOINT_DIR: checkpoint_uri(settings, folder),
        "execution.checkpointing.interval": _duration(chosen.interval_s),
        "execution.checkpointing.timeout": _duration(chosen.timeout_s),
        **state_options(settings),
        # De-duplication mostly asks for keys that are not there: a filter answers without a read.
        "state.backend.rocksdb.use-bloom-filter": "true",
        # Whole filters are megabytes each: where they outgrow the cache, each question reads one anew.
        "state.backend.rocksdb.memory.partitioned-index-filters": "true",
    }


def _planner(settings: Settings) -> dict[str, str]:
    options = {
        # Two outputs that read one view share what computes it; otherwise each reads the stream again.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
    }
    if settings.mini_batch.latency_s > 0:
        options |= {
            "table.exec.mini-batch.enabled": "true",
            "table.exec.mini-batch.allow-latency": _duration(settings.mini_batch.latency_s),
            "table.exec.mini-batch.size": str(settings.mini_batch.size),
            # Half of an aggregate before the exchange: less to send, and no hot key.
            "table.optimizer.agg-phase-strategy": "TWO_PHASE",
        }
    return options


def _target(settings: Settings) -> dict[str, str]:
    if settings.cluster is None:
        # Here a failure is most often the user's own: say so instead of trying again for ever.
        # What the API tells of checkpoints and of records may be this old; Flink's defaults are made for many
        # browsers, and this API ends with the job: what it told 10 s before would be all that is known.
        return {
            "restart-strategy.type": "none",
            "web.refresh-interval": "500 ms",
            "metrics.fetcher.update-interval": "500 ms",
        }
    host, _, port = settings.cluster.rpartition(":")
    return {
        "execution.target": "remote",
        "rest.address": host,
        "rest.port": port,
        "execution.attached": "false",
    }


def _duration(seconds: float) -> str:
    # 0 would be refused where a little was asked for.
    return f"{max(1, round(seconds * 1000))} ms"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
