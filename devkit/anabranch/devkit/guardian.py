"""Ends a loop whose command has died: ``python -m anabranch.devkit.guardian FOLDER MARK PID TICKS``.

A command that is killed by SIGKILL cannot clean up after itself. So each ``up`` starts this small
process first. It waits for the command to end, and then kills whatever carries the loop's mark,
unless the loop has been handed over (``dev up`` that came to its end). It ends when the loop does.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.ports import release_ports
from anabranch.devkit.process import ProcessRef
from anabranch.devkit.state import DamagedError, read_json, write_json

__all__ = ["start_guardian"]

_LOOK_EVERY_S = 1.0  # how long a guardian outlives a loop that was taken down


def start_guardian(folder: Path, mark: str) -> ProcessRef:
    """Starts the guardian of this process over the loop in ``folder``."""
    me = process.self_ref()
    argv = [sys.executable, "-m", "anabranch.devkit.guardian", folder, mark, str(me.pid), str(me.start_ticks)]
    return process.start([str(part) for part in argv], log=folder / "guardian.log", cwd=folder)


def _main(folder: Path, mark: str, owner: ProcessRef) -> None:
    """Waits for the owner's end, then ends the loop unless it was handed over."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(owner.pid)
        while process.alive(owner):
            if select.select([handle], [], [], _LOOK_EVERY_S)[0]:  # readable once the process has ended
                break
            if _phase(folder, mark) == "down":
                return
    if _phase(folder, mark) == "detached":
        return
    killed = process.sweep(mark)
    release_ports(folder)
    with contextlib.suppress(FileNotFoundError, DamagedError, KeyError, TypeError):
        state = read_json(folder / "loop.json")
        if state is not None and state["mark"] == mark:
            write_json(folder / "loop.json", {**state, "phase": "down"})
    print(f"the command (pid {owner.pid}) is gone: ended {killed} processes", flush=True)  # noqa: T201


def _phase(folder: Path, mark: str) -> str:
    """The loop's phase; ``down`` also when its folder is gone or another's, ``damaged`` if none can tell."""
    try:
        state = read_json(folder / "loop.json")
        return str(state["phase"]) if state is not None and state["mark"] == mark else "down"
    except (DamagedError, KeyError, TypeError):
        return "damaged"


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2], ProcessRef(int(sys.argv[3]), int(sys.argv[4])))
