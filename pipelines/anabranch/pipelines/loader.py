"""From a job's folder or file to its description."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.errors import ConfigurationError
from anabranch.pipelines.context import RunContext, running_in
from anabranch.pipelines.failures import told_at
from anabranch.pipelines.places import shown

if TYPE_CHECKING:
    from anabranch.pipelines.job import Job

__all__ = ["job_files", "load_job"]


def job_files(place: Path) -> tuple[Path, Path | None]:
    """The Python file and, where there is one, the YAML beside it.

    Args:
        place: A folder with ``job.py``, or a Python file.

    Raises:
        ConfigurationError: There is no such job.
    """
    script = place / "job.py" if place.is_dir() else place
    if not script.is_file():
        raise ConfigurationError(
            "there is no such job", where=str(script), hint="give a folder with job.py, or a Python file"
        )
    settings = script.with_suffix(".yaml")
    return script, settings if settings.is_file() else None


def load_job(script: Path, context: RunContext, traces: Path) -> Job:
    """Runs a job's module within a run's context and returns the one job that it describes.

    Raises:
        ConfigurationError: It describes none, or several.
        JobError: It fails; names the line.
    """
    before = len(context.jobs)
    name = f"anabranch_job_{script.resolve().parent.name}_{script.stem}".replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, script)
    assert spec is not None  # noqa: S101  (a file that exists)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up
    sys.path.insert(0, str(script.resolve().parent))
    try:
        with running_in(context), told_at(str(script), traces):
            spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    jobs = context.jobs[before:]
    if len(jobs) != 1:
        raise ConfigurationError(
            "describes no job" if not jobs else f"describes {len(jobs)} jobs",
            where=shown(str(script), 1),
            hint='make one: job = Job("name")',
        )
    return jobs[0]
