"""What is said where the system refuses a file or a folder: which, why, and what chooses another one."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

__all__ = ["drop_output", "told"]

# What the user, and nobody else, can do something about.
_REFUSALS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}
)
# What a write may end with, of which the system does not say which file it was.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def told(error: OSError) -> str | None:
    """The text for such a refusal; None of any other error, which is none of the user's making."""
    if error.errno in _FULL and error.filename is None:
        text = f"the output, or a file, cannot be written: {error.strerror}"
        return f"{text}\n  next: make room, or write to another place"
    if error.errno not in _REFUSALS or not isinstance(error.filename, str):
        return None
    from anabranch.devkit.state import cache_home, state_home

    path = Path(error.filename).absolute()
    homes = {"XDG_STATE_HOME": state_home().parent, "XDG_CACHE_HOME": cache_home().parent}
    # Or one above, which was to be made first.
    named = [name for name, home in homes.items() if path.is_relative_to(home)] or [
        name for name, home in homes.items() if home.is_relative_to(path)
    ]
    if named:
        hint = f"make room there for you to write, or choose another folder by {' and '.join(named)}"
    else:
        hint = "give a place that you may write to"
    return f"{path}: {error.strerror}\n  next: {hint}"


def drop_output() -> None:
    """Lets go of what standard output does not take: Python would try once more at its end, and complain."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
