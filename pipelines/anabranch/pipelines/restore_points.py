"""Where the restore points of a job are, and which of them is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from anabranch.connectors.flink.restore_points import RestorePoint
from anabranch.errors import ConfigurationError
from anabranch.pipelines.configuration import SAVEPOINT_DIR, state_folder
from anabranch.pipelines.layers import Layer, environment_layer, resolve
from anabranch.pipelines.retained import noted_runs
from anabranch.pipelines.settings import Settings
from anabranch.pipelines.storage import cluster_options
from anabranch.pipelines.uris import as_uri, is_uri

__all__ = [
    "PROTECTED",
    "Places",
    "is_below_run",
    "newest_complete",
    "newest_first",
    "places_of",
    "protected_uri",
    "run_of",
]

PROTECTED = "protected"
"""The folder beside the runs, or the savepoints, that holds copies which no job deletes."""

# Flink names a savepoint by the first six digits of the job's id.
_OF_SAVEPOINT = 6
_RUN = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Places:
    """Where to look.

    Attributes:
        folders: URIs, each with the beginnings of names that are wanted there; none: all.
        settings: With which storage is asked.
        what: In words, for errors.
        is_job: Whether it is a job's, and not what somebody named.
    """

    folders: Sequence[tuple[str, Sequence[str]]]
    settings: Settings
    what: str
    is_job: bool = False


def places_of(job: str, flags: Layer) -> Places:
    """What JOB means: a folder with ``job.py`` (or a Python file), or a folder of restore points, or one.

    Args:
        job: A path, or a URI.
        flags: What wins over environment and the job's file.

    Raises:
        ConfigurationError: A path that is not there, or a job that has not run yet.
    """
    path = Path(job)
    if is_uri(job) or (path.is_dir() and not (path / "job.py").is_file()) or path.name == "_metadata":
        uri = as_uri(job)
        return Places([(uri, ())], resolve([environment_layer(), flags]).settings, uri)
    if not path.exists():
        raise ConfigurationError(
            "there is no such folder",
            where=job,
            hint="give a folder with job.py, or a path or URI of checkpoints or savepoints",
        )
    return _places_of_job(path, flags)


def _places_of_job(path: Path, flags: Layer) -> Places:
    from anabranch.pipelines.launch import prepare

    plan = prepare(path, flags)
    name, settings = plan.load().name, plan.resolved.settings
    runs = noted_runs(state_folder(name))
    if not runs:
        raise ConfigurationError(
            "this job has not run from here yet, so nothing is known of its checkpoints",
            where=name,
            hint="give the path or URI of their folder in place of the job's",
        )
    folders: dict[str, list[str]] = {}
    for run in runs:
        root = run["checkpoints"].rstrip("/")
        for folder in (root, f"{root}/{PROTECTED}"):
            folders.setdefault(folder, []).append(run["job_id"])
    savepoints = _savepoints(settings)
    if savepoints is not None:
        named = [f"savepoint-{run['job_id'][:_OF_SAVEPOINT]}-" for run in runs]
        folders |= {savepoints: named, f"{savepoints}/{PROTECTED}": named}
    return Places(list(folders.items()), settings, name, is_job=True)


def _savepoints(settings: Settings) -> str | None:
    """The folder of savepoints: what the settings say, or else the cluster."""
    found = settings.flink.get(SAVEPOINT_DIR)
    if found is None and settings.cluster is not None:
        found = cluster_options(settings.cluster).get(SAVEPOINT_DIR)
    if not found:
        return None
    return as_uri(str(found).rstrip("/"))


def newest_first(points: Iterable[RestorePoint]) -> list[RestorePoint]:
    """Complete ones first, and of both kinds the newest first."""

    # Blob Storage tells times in seconds, in which there may be several.
    def age(point: RestorePoint) -> tuple[bool, int, int]:
        return (point.is_complete, point.modified_ms, point.checkpoint_id or 0)

    return sorted(points, key=age, reverse=True)


def newest_complete(points: Sequence[RestorePoint], what: str) -> RestorePoint:
    """The newest one that a job can be restored from.

    Args:
        points: Of one job, or of one place.
        what: They are of, in words.

    Raises:
        ConfigurationError: There is none.
    """
    ordered = newest_first(points)
    if not ordered:
        raise ConfigurationError(
            "there is no checkpoint or savepoint", where=what, hint="is it the right place, or another job's?"
        )
    if not ordered[0].is_complete:
        raise ConfigurationError(
            f"no checkpoint or savepoint is complete; of {ordered[0].name}: {ordered[0].problem}",
            where=what,
            hint=f"anabranch checkpoints list {what} shows all",
        )
    return ordered[0]


def run_of(point: RestorePoint) -> str | None:
    """The id of the run that left it, or as much of it as its path tells; None: nothing."""
    parts = point.uri.rstrip("/").split("/")
    for part in reversed(parts[-2:]):
        found = _RUN.match(part)
        if found:
            return found[0]
    savepoint = re.fullmatch(r"savepoint-([0-9a-f]{6})-[0-9a-f]+", point.name)
    return None if savepoint is None else savepoint[1]


def protected_uri(point: RestorePoint) -> str:
    """Where its copy goes if nothing else is said: beside the folder of its run, which a job may delete.

    Args:
        point: A checkpoint or savepoint.
    """
    folder, _, name = point.uri.rstrip("/").rpartition("/")
    above, _, run = folder.rpartition("/")
    if _RUN.fullmatch(run):
        return f"{above}/{PROTECTED}/{run}-{name}"
    return f"{folder}/{PROTECTED}/{name}"


def is_below_run(target: str, point: RestorePoint) -> bool:
    """Whether a folder lies in that of the run that left a checkpoint, which goes when the run ends.

    Args:
        target: URI of the folder.
        point: The checkpoint.
    """
    run = point.uri.rstrip("/").rpartition("/")[0]
    return bool(_RUN.fullmatch(run.rpartition("/")[2])) and f"{target}/".startswith(f"{run}/")
