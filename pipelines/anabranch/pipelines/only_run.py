"""One run of a job at a time on this machine: two would write each result twice."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anabranch.errors import ConfigurationError

__all__ = ["only_run_here"]


@contextmanager
def only_run_here(job: str, folder: Path) -> Iterator[None]:
    """Holds the job's folder; the kernel lets it go when the process ends, however that happens.

    Args:
        job: Its name.
        folder: Of the job, on this machine.

    Raises:
        ConfigurationError: Another run holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "running").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ConfigurationError(
                f"job {job} runs here already, as process {file.read().strip() or 'unknown'}: "
                "both would write all results",
                hint="end that run, or give the job another name: Job(…)",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
