"""Where the log of a run goes: a folder of its own, so that the next run does not write over it."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

__all__ = ["new_log_folder", "where_logs_are"]

# Flink writes some MB in a day. One that failed is looked at soon, after a few further attempts.
_KEPT = 5
_NAME = re.compile(r"[0-9]+-[0-9]+-[0-9]+")
_STAMP = "%Y%m%d-%H%M%S"
_BEGAN_S = time.time()  # this process, to the precision that is needed


def new_log_folder(folder: Path) -> Path:
    """Names one for a run that begins now, and removes those of old runs; Flink's JVM makes it.

    Args:
        folder: Of all logs of the job.
    """
    runs = sorted(path for path in folder.glob("*") if _NAME.fullmatch(path.name) and path.is_dir())
    for path in runs[: 1 - _KEPT]:
        if not _goes_on(path.name):
            shutil.rmtree(path, ignore_errors=True)
    return folder / f"{time.strftime(_STAMP)}-{os.getpid()}"


def _goes_on(name: str) -> bool:
    """Whether the run that made the folder may still write there: its process is alive."""
    began, _, number = name.rpartition("-")
    if int(number) == os.getpid():
        # In a container each run may be process 1: it is this one only if it began after this one.
        return began >= time.strftime(_STAMP, time.localtime(_BEGAN_S))
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's
    return True


def where_logs_are(folder: Path, cluster: str | None) -> str:
    """What is said of it at the start of a run.

    Args:
        folder: Of the log of the JVM here.
        cluster: ``host:port`` of the Flink that runs the job; None: that JVM.
    """
    if cluster is None:
        return f"Flink's log is in {folder}"
    return f"Flink's logs are on http://{cluster}/#/job-manager/logs; that of the client here is in {folder}"
