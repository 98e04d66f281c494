"""Checkpoints that earlier runs of a job left, and what ``--restore`` means by them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from anabranch.connectors.flink.restore_points import RestorePoint
from anabranch.errors import AnabranchError, ConfigurationError
from anabranch.pipelines.storage import is_seen_here
from anabranch.pipelines.uris import file_uri, local_path

__all__ = [
    "LATEST",
    "Look",
    "check_complete",
    "check_ends",
    "fallen_back",
    "newest_of_run",
    "noted_runs",
    "remember_run",
    "restore_uri",
]

LATEST = "latest"
"""In place of a path: the newest checkpoint of this job that is there."""

Look = Callable[[str], Sequence[RestorePoint]]
"""Finds the restore points in and below a folder, whatever storage it is in."""

_METADATA = "_metadata"  # the file that Flink writes last
_NUMBERED = re.compile(r"chk-([0-9]+)")


def remember_run(folder: Path, job_id: str, checkpoints: str, *, bounded: bool = False) -> None:
    """Notes where a run's checkpoints go: several jobs may share one folder, and only ids tell them apart.

    Args:
        folder: Of the job.
        job_id: Of this run.
        checkpoints: URI of the folder that was set for it.
        bounded: Whether it stops at the ends of the streams.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = {"job_id": job_id, "checkpoints": checkpoints, "bounded": bounded, "started_s": int(time.time())}
    with (folder / "runs.jsonl").open("a+b") as file:
        # The machine may have stopped in the midst of the line before; this one must not be its end.
        file.seek(max(file.tell() - 1, 0))
        start = b"" if file.read() in (b"", b"\n") else b"\n"
        file.write(start + json.dumps(run).encode() + b"\n")


def newest_of_run(checkpoints: str, job_id: str) -> str | None:
    """URI of a run's newest complete checkpoint; None if there is none, or if it cannot be seen from here.

    Args:
        checkpoints: URI of the folder that was set for the run.
        job_id: Of the run.
    """
    root = local_path(checkpoints)
    found = None if root is None else _newest(root / job_id)
    return None if found is None else file_uri(found)


def restore_uri(
    given: str,
    folder: Path,
    cluster: str | None,
    look: Look | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> str:
    """The URI of the checkpoint or savepoint that is meant.

    Args:
        given: A path, a URI, or ``latest``.
        folder: Of the job.
        cluster: ``host:port`` of the Flink that will read it; None: this process.
        look: For ``latest``; None: only local folders are searched, and only for metadata.
        warn: Called with what is to be said of checkpoints of which a file is missing.

    Raises:
        ConfigurationError: There is none.
        AnabranchError: Where it may be cannot be searched.
    """
    if given == LATEST:
        return file_uri(_latest(folder)) if look is None else _latest_complete(folder, look, warn)
    path = local_path(given)
    if path is None:
        return given
    if is_seen_here(given, cluster) and not _is_complete(path):
        raise ConfigurationError("there is no checkpoint or savepoint", where=given, hint=_hint(path, folder))
    return file_uri(path)


def fallen_back(given: str | None, folder: Path, checkpoint: str) -> str | None:
    """A warning where ``latest`` is not of the newest run: state that is older than somebody may think.

    Args:
        given: What was to be restored.
        folder: Of the job.
        checkpoint: URI of what is restored.
    """
    runs = noted_runs(folder)
    if given != LATEST or not runs or f"/{runs[-1]['job_id']}/" in checkpoint:
        return None
    return (
        f"warning: the newest run, {runs[-1]['job_id']}, has no checkpoint left, so an older run's is taken; "
        "what was read since is read again"
    )


def check_complete(given: str, point: RestorePoint) -> None:
    """Refuses a restore point of which a file is missing: Flink would find out only as it starts the tasks.

    Args:
        given: As the user gave it.
        point: What is there.

    Raises:
        ConfigurationError: It is not complete.
    """
    if not point.is_complete:
        raise ConfigurationError(
            f"no job can be restored from it: {point.problem}",
            where=given,
            hint=f"anabranch checkpoints verify {point.uri} names all that is wrong; "
            "anabranch checkpoints list JOB shows what else there is",
        )


def check_ends(checkpoint: str, folder: Path) -> None:
    """Refuses to stop at the ends what was started without them: its logs have no end in the checkpoint.

    Only where this job's notes tell of the run that left the checkpoint; a savepoint does not name it.

    Args:
        checkpoint: URI of what a bounded run is to start from.
        folder: Of the job.

    Raises:
        ConfigurationError: The run would never end.
    """
    for run in noted_runs(folder):
        if f"/{run['job_id']}/" in checkpoint and run.get("bounded") is False:
            raise ConfigurationError(
                "the checkpoint is of a run without --bounded: its logs have no end, so this one never stops",
                where=checkpoint,
                hint="restore it without --bounded, or start with --bounded anew, without --restore",
            )


def _latest(folder: Path) -> Path:
    runs = noted_runs(folder)
    for run in reversed(runs):
        root = local_path(run["checkpoints"])
        if root is None:
            raise ConfigurationError(
                f"the last run's checkpoints are in {run['checkpoints']}, which cannot be searched from here",
                where="--restore latest",
                hint=f"give the path: --restore {run['checkpoints'].rstrip('/')}/{run['job_id']}/chk-N",
            )
        found = _newest(root / run["job_id"])
        if found is not None:
            return found
    raise _none_left(folder, runs)


def _latest_complete(folder: Path, look: Look, warn: Callable[[str], None]) -> str:
    runs = noted_runs(folder)
    for run in reversed(runs):
        for point in _by_number(_found(run, look)):
            if point.is_complete:
                return point.uri
            # One without metadata is what a run leaves that ends in the midst of a checkpoint.
            if point.missing or (point.kind is None and _METADATA not in str(point.problem)):
                warn(
                    f"warning: {point.uri} is left out, since {point.problem}; "
                    "what was read since the one before is read again"
                )
    raise _none_left(folder, runs)


def _found(run: dict[str, Any], look: Look) -> Sequence[RestorePoint]:
    place = f"{run['checkpoints'].rstrip('/')}/{run['job_id']}"
    try:
        return look(place)
    except AnabranchError as error:
        # An older run's would be found perhaps, and would be the wrong one.
        raise type(error)(
            f"the last run's checkpoints are in {run['checkpoints']}, which cannot be searched from here: "
            f"{error.message}",
            where="--restore latest",
            hint=f"mend that, or give the path: --restore {place}/chk-N",
        ) from None


def _by_number(points: Sequence[RestorePoint]) -> list[RestorePoint]:
    """The checkpoints among them, those with the highest number first."""
    numbered = [(int(match[1]), point) for point in points if (match := _NUMBERED.fullmatch(point.name))]
    return [point for _, point in sorted(numbered, key=lambda each: each[0], reverse=True)]


def _none_left(folder: Path, runs: Sequence[Any]) -> ConfigurationError:
    return ConfigurationError(
        "no checkpoint of this job is left" if runs else "this job has not run yet, so it has no checkpoint",
        where="--restore latest",
        hint=f"start without --restore, or give a path; runs are noted in {folder / 'runs.jsonl'}",
    )


def noted_runs(folder: Path) -> list[dict[str, Any]]:
    """The runs of a job, the oldest first: ``job_id``, ``checkpoints``, ``bounded``, ``started_s``.

    Args:
        folder: Of the job.
    """
    try:
        lines = (folder / "runs.jsonl").read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [run for run in map(_run, lines) if run is not None]


def _run(line: bytes) -> dict[str, Any] | None:
    """What one line notes; None where only a part of it was written."""
    try:
        run = json.loads(line)
        return run if run["job_id"] and run["checkpoints"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _is_complete(path: Path) -> bool:
    # A folder chk-N is there before its checkpoint completes.
    return (path / _METADATA).is_file() or (path.name == _METADATA and path.is_file())


def _newest(folder: Path) -> Path | None:
    """The checkpoint with the highest number in one run's folder."""
    numbered = ((_NUMBERED.fullmatch(path.name), path) for path in folder.glob("chk-*"))
    # Others are copies that somebody made.
    complete = [(int(match[1]), path) for match, path in numbered if match and _is_complete(path)]
    return max(complete, default=(0, None))[1]


def _hint(path: Path, folder: Path) -> str:
    below = max(_checkpoints_below(path), key=lambda found: found.stat().st_mtime, default=None)
    if below is not None:
        return f"that folder holds others; the newest is {below}"
    if path.is_dir():
        return f"it has no file {_METADATA}: was it completed? --restore latest takes this job's newest"
    return f"--restore latest takes this job's newest; runs are noted in {folder / 'runs.jsonl'}"


def _checkpoints_below(path: Path) -> Iterator[Path]:
    """What somebody meant who gave the folder of a run, or of all runs."""
    for pattern in ("chk-*", "savepoint-*", "*/chk-*"):
        yield from (found for found in path.glob(pattern) if _is_complete(found))
