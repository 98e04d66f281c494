"""Where the log of a run goes: a folder of its own, so that the next run does not write over it."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

__all__ = ["new_log_folder", "where_logs_are"]

# Flink writes some MB in a day. One that failed is looked at soon, after a few further attempts.
_KEPT = 5


def new_log_folder(folder: Path) -> Path:
    """Names one for a run that begins now, and removes those of old runs; Flink's JVM makes it.

    Args:
        folder: Of all logs of the job.
    """
    runs = sorted(path for path in folder.glob("[0-9]*-[0-9]*-[0-9]*") if path.is_dir())
    for path in runs[: 1 - _KEPT]:
        shutil.rmtree(path, ignore_errors=True)
    return folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def where_logs_are(folder: Path, cluster: str | None) -> str:
    """What is said of it at the start of a run.

    Args:
        folder: Of the log of the JVM here.
        cluster: ``host:port`` of the Flink that runs the job; None: that JVM.
    """
    if cluster is None:
        return f"Flink's log is in {folder}"
    return f"Flink's logs are on http://{cluster}/#/job-manager/logs; that of the client here is in {folder}"
