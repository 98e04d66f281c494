"""A folder for what a command needs only while it runs, such as the log of a JVM that answers a question."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

__all__ = ["passing_folder"]


def passing_folder(what: str) -> Path:
    """Makes one, which goes with this process.

    Args:
        what: A word of its name.
    """
    folder = tempfile.mkdtemp(prefix=f"anabranch-{what}-")
    # Not sooner: a JVM writes there until this process ends.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
