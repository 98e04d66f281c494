"""Paths as URIs, as Flink reads and writes them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["as_uri", "file_uri", "is_uri", "local_path"]

# A colon alone makes no scheme: a folder may be called 10:30.
_SCHEME = re.compile(r"file:|[A-Za-z][A-Za-z0-9+.-]*:/")
_FILE = re.compile(r"file:(?://[^/]*)?")


def is_uri(given: str) -> bool:
    """Whether it begins with a scheme, as in ``s3://b/c`` and ``file:/d``; anything else is a path."""
    return _SCHEME.match(given) is not None


def file_uri(path: Path) -> str:
    """A path of this machine, made absolute, for one of Flink's options.

    Not :meth:`pathlib.Path.as_uri`: Flink's ``Path`` takes what stands there as it is, so that ``%20``
    would become a folder of that name.
    """
    return f"file://{path.resolve()}"


def as_uri(given: str) -> str:
    """A URI as it is, and a path of this machine as one."""
    return given if is_uri(given) else file_uri(Path(given))


def local_path(given: str) -> Path | None:
    """What a path or URI means on this machine, as Flink reads it; None for another file system."""
    if not is_uri(given):
        return Path(given).resolve()
    begins = _FILE.match(given)
    return None if begins is None else Path(given[begins.end() :]).resolve()
