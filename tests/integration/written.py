"""What processes that still run have written: they make and delete files while one looks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["written"]


def written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The files below a folder with what is in them; those that vanish meanwhile are left out."""
    try:
        entries = list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_symlink():
            continue
        if entry.is_dir():
            yield from written(entry)
        else:
            with contextlib.suppress(FileNotFoundError):
                if entry.is_file():
                    yield entry, entry.read_bytes()
