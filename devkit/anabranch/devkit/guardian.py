"""Ends a loop whose command has died: ``python -m anabranch.devkit.guardian FOLDER MARK PID TICKS``.

A command that is killed by SIGKILL cannot clean up after itself. So each ``up`` starts this small
process first. It waits for the command to end, and then kills whatever carries the loop's mark,
unless the loop has been handed over (``dev up`` that came to its end) or taken down.
"""

from __future__ import annotations

import select
import sys
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.process import ProcessRef
from anabranch.devkit.state import read_json, write_json

__all__ = ["start_guardian"]


def start_guardian(folder: Path, mark: str) -> ProcessRef:
    """Starts the guardian of this process over the loop in ``folder``."""
    me = process.self_ref()
    argv = [sys.executable, "-m", "anabranch.devkit.guardian", folder, mark, str(me.pid), str(me.start_ticks)]
    return process.start([str(part) for part in argv], log=folder / "guardian.log", cwd=folder)


def main(folder: Path, mark: str, owner: ProcessRef) -> None:
    """Waits for the owner's end, then ends the loop unless nobody wants that any more."""
    _await_end(owner)
    state = read_json(folder / "loop.json")
    if state is None or state["mark"] != mark or state["phase"] in ("detached", "down"):
        return
    killed = process.sweep(mark)
    if folder.is_dir():
        write_json(folder / "loop.json", {**state, "phase": "down"})
    print(f"the command (pid {owner.pid}) is gone: ended {killed} processes", flush=True)  # noqa: T201  (into its log)


def _await_end(owner: ProcessRef) -> None:
    import os

    try:
        handle = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        return
    if process.alive(owner):
        select.select([handle], [], [])  # readable once the process has ended
    os.close(handle)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], ProcessRef(int(sys.argv[3]), int(sys.argv[4])))
