"""Removes what a loop leaves that has not ended by ``down``: processes, claimed ports, files."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.loop_state import said_in, state_in
from anabranch.devkit.ports import release_ports
from anabranch.devkit.state import DamagedError, read_json

__all__ = ["end_damaged", "remove_remains"]


def remove_remains(folder: Path) -> None:
    """Of a loop that has ended, which the caller must know.

    Raises:
        DamagedError: Its state does not say what to end.
    """
    state = state_in(folder)
    if state is not None:
        process.sweep(state["mark"])
        release_ports(folder)
    shutil.rmtree(folder, ignore_errors=True)


def end_damaged(folder: Path) -> None:
    """Ends a loop of which little is known: what has its mark, or the mark of one that a pid file names."""
    mark = said_in(folder).get("mark")
    if isinstance(mark, str):
        process.sweep(mark)
    for path in folder.rglob("*.pid.json"):
        with contextlib.suppress(DamagedError, TypeError):
            ref = process.ProcessRef(**(read_json(path) or {}))
            if process.alive(ref):
                mark = process.mark_of(ref)
                process.kill(ref)
                if mark is not None:
                    process.sweep(mark)
    release_ports(folder)
    shutil.rmtree(folder, ignore_errors=True)
