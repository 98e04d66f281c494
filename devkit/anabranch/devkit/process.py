"""The only module that starts processes, and the only one that kills them.

A process is known by its pid *and* its start time, so that a pid that was recycled is never
signalled. Each one gets a session of its own (Ctrl-C on the terminal does not reach it) and an
environment variable, ``ANABRANCH_LOOP``, that its descendants inherit: what belongs to a loop is
found in ``/proc`` by that mark, even if whoever started it died before it could write a pid down.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anabranch.errors import UnavailableError

__all__ = [
    "MARK",
    "Completed",
    "ProcessRef",
    "alive",
    "await_condition",
    "exit_code",
    "kill",
    "listens",
    "mark_of",
    "marked",
    "memory_mb",
    "paused",
    "run",
    "run_aloud",
    "self_ref",
    "send",
    "start",
    "stop",
    "sweep",
    "tail",
]

MARK = "ANABRANCH_LOOP"
_LISTEN = "0A"  # TCP_LISTEN, as /proc/net/tcp writes it


class _Child(subprocess.Popen[bytes]):
    """A Popen whose process may outlive it: the loop's daemons do, by intention."""

    def __del__(self, *_: object) -> None:
        """Leaves out the base class's warning that the process still runs."""


# Children of this very process must be reaped, or they stay visible as zombies.
_children: dict[int, _Child] = {}


@dataclass(frozen=True)
class ProcessRef:
    """One process of this machine.

    Attributes:
        pid: The process id, which is also the id of its session and group.
        start_ticks: Start time in clock ticks since boot, as ``/proc`` gives it.
    """

    pid: int
    start_ticks: int


@dataclass(frozen=True)
class Completed:
    """How a short-lived tool ended: its exit code and both outputs, joined."""

    code: int
    output: str


def start(
    argv: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    mark: str | None = None,
) -> ProcessRef:
    """Starts a long-lived process in a session of its own.

    Args:
        argv: The program and its arguments.
        log: File that both outputs are appended to.
        cwd: Working directory; not the caller's, so that it pins no folder of the user.
        env: Additions to this process's environment.
        mark: Identity of the loop, found again by :func:`marked`.
    """
    with log.open("ab") as out:
        child = _Child(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=_environment(mark, env),
            start_new_session=True,
        )
    _children[child.pid] = child
    return ProcessRef(child.pid, _start_ticks(child.pid) or 0)


def run(
    argv: Sequence[str | Path], *, timeout_s: float, cwd: Path | None = None, mark: str | None = None
) -> Completed:
    """Runs a tool to its end; raises UnavailableError beyond the deadline (it is killed then).

    One that may outlive this process, should it be killed, is given the loop's mark; else it has this
    process's own, if any.
    """
    try:
        done = subprocess.run(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=None if mark is None else _environment(mark),
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _too_slow(argv, timeout_s, (error.output or b"").decode(errors="replace")) from error
    return Completed(done.returncode, done.stdout.decode(errors="replace"))


def run_aloud(argv: Sequence[str | Path], *, timeout_s: float, on_line: Callable[[str], None]) -> Completed:
    """As :func:`run`, for a tool that takes so long that what it says is wanted meanwhile, line by line."""
    said: list[str] = []
    began = time.monotonic()
    with subprocess.Popen(
        [str(part) for part in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        watchdog = threading.Timer(timeout_s, child.kill)
        watchdog.start()
        try:
            for line in child.stdout or ():
                said.append(line)
                on_line(line.rstrip())
        except BaseException:
            child.kill()
            raise
        finally:
            watchdog.cancel()
    if time.monotonic() - began >= timeout_s:
        raise _too_slow(argv, timeout_s, "".join(said))
    return Completed(child.returncode, "".join(said))


def _too_slow(argv: Sequence[str | Path], timeout_s: float, output: str) -> UnavailableError:
    said = output.splitlines()[-1:]
    return UnavailableError(
        f"{Path(argv[0]).name} did not end within {timeout_s:.0f} s; it said last: {said or 'nothing'}"
    )


def self_ref() -> ProcessRef:
    """This process."""
    return ProcessRef(os.getpid(), _start_ticks(os.getpid()) or 0)


def alive(ref: ProcessRef) -> bool:
    """Whether that very process still runs (or is stopped by SIGSTOP); a zombie does not."""
    _reap(ref.pid)
    return _start_ticks(ref.pid) == ref.start_ticks


def paused(ref: ProcessRef) -> bool:
    """Whether it is stopped by SIGSTOP."""
    fields = _stat(ref.pid)
    return fields is not None and fields[0] == "T" and int(fields[19]) == ref.start_ticks


def exit_code(ref: ProcessRef) -> int | None:
    """The exit code (negative: the signal), known only of children of this process."""
    _reap(ref.pid)
    child = _children.get(ref.pid)
    return child.returncode if child is not None else None


def send(ref: ProcessRef, number: signal.Signals) -> bool:
    """Signals that very process; returns whether it was there to be signalled."""
    try:
        handle = os.pidfd_open(ref.pid)  # holds the pid: it cannot be recycled between check and signal
    except ProcessLookupError:
        return False
    try:
        if not alive(ref):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def kill(ref: ProcessRef, *, timeout_s: float = 10) -> None:
    """SIGKILL to it and to what it started in its session; returns when they are gone."""
    members = [ref, *_session_of(ref)]
    for member in members:
        send(member, signal.SIGKILL)
    await_condition(lambda: not any(alive(m) for m in members), timeout_s, f"process {ref.pid} to be gone")


def stop(ref: ProcessRef, *, grace_s: float) -> None:
    """SIGTERM, then SIGKILL when it is still there after ``grace_s``."""
    if send(ref, signal.SIGTERM):
        send(ref, signal.SIGCONT)
        with contextlib.suppress(UnavailableError):
            await_condition(lambda: not alive(ref), grace_s, f"process {ref.pid} to end")
    kill(ref)


def marked(mark: str) -> list[ProcessRef]:
    """All processes that carry this mark, except the caller."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for pid in _pids():
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue  # gone meanwhile, or another user's
        ticks = _start_ticks(pid)
        if ticks is not None and pid != os.getpid() and wanted in environ.split(b"\0"):
            found.append(ProcessRef(pid, ticks))
    return found


def mark_of(ref: ProcessRef) -> str | None:
    """The mark that it carries; None where it has none, or is gone."""
    try:
        environ = Path(f"/proc/{ref.pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    begin = f"{MARK}=".encode()
    found = [entry.removeprefix(begin).decode() for entry in environ if entry.startswith(begin)]
    return found[0] if found and alive(ref) else None


def sweep(mark: str, *, timeout_s: float = 15) -> int:
    """Kills everything with this mark; returns how many there were.

    It looks again until nothing is found twice: between fork and exec a child still shows its
    parent's environment.
    """
    deadline = time.monotonic() + timeout_s
    killed: set[ProcessRef] = set()
    clean = 0
    while clean < 2:
        found = marked(mark)
        clean = 0 if found else clean + 1
        for ref in found:
            send(ref, signal.SIGKILL)
            killed.add(ref)
        if time.monotonic() > deadline:
            raise UnavailableError(f"cannot end {len(found)} processes of {mark}")
        time.sleep(0.05)
    return len(killed)


def await_condition(
    condition: Callable[[], bool], timeout_s: float, what: str, *, every_s: float = 0.02
) -> None:
    """Polls until ``condition`` holds; raises UnavailableError that names ``what`` at the deadline."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise UnavailableError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(every_s)


def listens(ref: ProcessRef, port: int) -> bool:
    """Whether that very process, and nobody else, listens on that TCP port."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    if not inodes or not alive(ref):
        return False
    links = Path(f"/proc/{ref.pid}/fd")
    with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
        for number in os.listdir(links):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                if os.readlink(links / number) in inodes:
                    return True
    return False


def memory_mb(ref: ProcessRef) -> int | None:
    """Resident memory, or None when it has gone."""
    try:
        pages = int(Path(f"/proc/{ref.pid}/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def tail(log: Path, lines: int = 15, max_bytes: int = 64 * 1024) -> list[str]:
    """The last lines of a log; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - max_bytes))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:]


def _environment(mark: str | None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, with no mark but the one that is given."""
    full = {**os.environ, **(more or {})}
    full.pop(MARK, None)
    return full if mark is None else {**full, MARK: mark}


def _pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def _session_of(ref: ProcessRef) -> list[ProcessRef]:
    if not alive(ref):
        return []
    members = []
    for pid in _pids():
        fields = _stat(pid)
        if fields is not None and pid != ref.pid and int(fields[3]) == ref.pid:
            members.append(ProcessRef(pid, int(fields[19])))
    return members


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None:
        child.poll()


def _stat(pid: int) -> list[str] | None:
    """Fields of ``/proc/PID/stat`` from the state on (index 0), or None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets


def _start_ticks(pid: int) -> int | None:
    fields = _stat(pid)
    if fields is None or fields[0] == "X":
        return None
    # The first thread of a JVM that is killed may be a zombie while others still hold its files and
    # ports: the process has ended only when it is the last thread (or none is counted any more).
    if fields[0] == "Z" and int(fields[17]) <= 1:
        return None
    return int(fields[19])
