"""A folder for what passes: it goes with its process or, where a SIGKILL ended that, at the next one's start.

A lock on the folder itself tells whether its process lives. The kernel lets it go with the process, whatever
ends that, so no pid can be mistaken for another's, not even between containers that share one folder; and
systemd's cleaning of temporary files leaves what is locked alone (https://systemd.io/TEMPORARY_DIRECTORIES/).
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["scratch_folder"]

# Of folders that are locked; earlier versions had `anabranch-jvm-`, and locked none.
_PREFIX = "anabranch-scratch-"


def scratch_folder() -> Path:
    """Makes one, held until this process ends; removes those of this user's whose processes have ended."""
    _sweep()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        if _hold(folder):
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return folder


def _hold(folder: Path) -> bool:
    """Whether it is held; another process may take it for a leftover just before, and remove it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # stays open: the lock ends with it
        with contextlib.suppress(OSError):  # a file system without locks: nobody can lock, and sweep, it
            fcntl.flock(handle, fcntl.LOCK_EX)
        return os.path.samestat(folder.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _sweep() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # a link, another's, gone, or its process lives
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(handle).st_uid == os.geteuid():
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)
