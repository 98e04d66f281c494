"""What is said where the system refuses a file or a folder: which, why, and what chooses another one."""

from __future__ import annotations

import errno
import os

__all__ = ["told"]

# What the user, and nobody else, can do something about.
_REFUSALS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}
)
# By the variable that moves it: where it is without.
_HOMES = {"XDG_STATE_HOME": "~/.local/state", "XDG_CACHE_HOME": "~/.cache"}


def told(error: OSError) -> str | None:
    """The text for such a refusal; None of any other error, which is none of the user's making."""
    if error.errno not in _REFUSALS or not isinstance(error.filename, str):
        return None
    path = os.path.abspath(error.filename)
    for variable, usual in _HOMES.items():
        home = os.environ.get(variable) or os.path.expanduser(usual)
        if path.startswith(os.path.join(os.path.abspath(home), "")):
            hint = f"make room there for you to write, or choose another folder by {variable}"
            break
    else:
        hint = "give a place that you may write to"
    return f"{path}: {error.strerror}\n  next: {hint}"
