"""One long-lived process of a loop: started, watched and found again from any command."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.process import ProcessRef
from anabranch.devkit.state import exclusive, name_option, read_json, write_atomically, write_json
from anabranch.errors import ConfigurationError

__all__ = ["Service", "ServiceState"]


class ServiceState(StrEnum):
    """What a process of a loop does now."""

    UP = "up"
    PAUSED = "paused"  # stopped by SIGSTOP: connections stay open, nothing is answered
    DOWN = "down"  # killed or stopped on purpose
    DIED = "died"  # ended by itself, or by somebody else


class Service:
    """A process with a folder of its own for its pid, lock and log.

    The pid lies in a file and not in this object, so that ``anabranch dev kill`` works on a loop
    that another command has started. Safe to use from several threads and processes.

    Args:
        name: Shown to people.
        folder: Where its pid file, lock and log are.
        mark: Identity of the loop, see :mod:`anabranch.devkit.process`.
    """

    def __init__(self, name: str, folder: Path, mark: str) -> None:
        self.name = name
        self.folder = folder
        self.log_path = folder / f"{name}.log"
        self._mark = mark
        self._pid_file = folder / f"{name}.pid.json"
        self._death_file = folder / f"{name}.death"

    @property
    def ref(self) -> ProcessRef | None:
        """The process as last started; None when it was stopped on purpose or never started."""
        value = read_json(self._pid_file)
        return None if value is None else ProcessRef(**value)

    @property
    def state(self) -> ServiceState:
        """What it does now, judged from the process itself."""
        ref = self.ref
        if ref is None:
            return ServiceState.DOWN
        if not process.alive(ref):
            return ServiceState.DIED
        return ServiceState.PAUSED if process.paused(ref) else ServiceState.UP

    def spawn(self, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> ProcessRef:
        """Starts the process; the caller holds :meth:`locked` and waits until it is ready."""
        if self.state in (ServiceState.UP, ServiceState.PAUSED):
            raise ConfigurationError(f"{self.name} is already {self.state.value}")
        self._death_file.unlink(missing_ok=True)
        ref = process.start(argv, log=self.log_path, cwd=self.folder, env=env, mark=self._mark)
        try:
            write_json(self._pid_file, {"pid": ref.pid, "start_ticks": ref.start_ticks})
        except OSError:
            # On a full disk; a process that nobody knows of would keep its port from the next one.
            process.kill(ref)
            raise
        return ref

    @property
    def death(self) -> str | None:
        """Why it died at its last start, as whoever started it was told; None if it did not."""
        with contextlib.suppress(FileNotFoundError):
            return self._death_file.read_text()
        return None

    def note_death(self, why: str) -> None:
        """Keeps for others, such as ``anabranch dev status``, why it died at its start."""
        write_atomically(self._death_file, why)

    def kill(self) -> None:
        """SIGKILL, at once, in whatever state it is; returns when the process is gone."""
        # Taken before the lock is asked for: a fault must bite while a restart is under way, too.
        ref = self.ref
        if ref is not None:
            process.kill(ref)
        with self.locked():
            ref = self.ref
            if ref is not None:
                process.kill(ref)
            self._pid_file.unlink(missing_ok=True)

    def terminate(self, *, grace_s: float) -> None:
        """SIGTERM, then SIGKILL beyond ``grace_s``."""
        ref = self.ref
        if ref is not None:
            process.stop(ref, grace_s=grace_s)
        self._pid_file.unlink(missing_ok=True)

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        ref = self._signal(signal.SIGSTOP, "pause")
        process.await_condition(lambda: process.paused(ref), 10, f"{self.name} to stand still")

    def resume(self) -> None:
        """SIGCONT; harmless on one that runs."""
        self._signal(signal.SIGCONT, "resume")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other commands from starting or wiping it meanwhile."""
        with exclusive(self.folder / f".{self.name}.lock", timeout_s=120, what=self.name):
            yield

    def tail(self, lines: int = 15) -> list[str]:
        """The last lines of its log."""
        return process.tail(self.log_path, lines)

    def _signal(self, number: signal.Signals, verb: str) -> ProcessRef:
        ref = self.ref
        if ref is None or not process.send(ref, number):
            raise ConfigurationError(
                f"cannot {verb} {self.name}: it is not running",
                hint=f"anabranch dev restart {self.name}{name_option(self.folder)}",
            )
        return ref
