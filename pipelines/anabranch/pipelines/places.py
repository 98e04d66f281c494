"""Where in the user's code something was asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["caller", "is_user_file", "shown"]

# All portions of the namespace package: in a checkout each is a folder of its own.
_OWN = tuple(f"{folder}{os.sep}" for folder in sys.modules["anabranch"].__path__)


def caller() -> str:
    """``file:line`` of the nearest frame outside of anabranch."""
    frame = sys._getframe(1)
    while frame.f_back is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    return shown(frame.f_code.co_filename, frame.f_lineno)


def is_user_file(name: str) -> bool:
    """Whether a source file belongs neither to anabranch nor to an installed package."""
    foreign = name.startswith((*_OWN, "<")) or f"{os.sep}site-packages{os.sep}" in name
    return not foreign and not name.startswith(str(Path(os.__file__).parent))


def shown(name: str, line: int) -> str:
    """``file:line``, relative to the working directory where that is shorter."""
    try:
        relative = os.path.relpath(name)
    except ValueError:
        relative = name
    return f"{relative if len(relative) < len(name) else name}:{line}"
