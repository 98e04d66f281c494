"""The one fault of a run: planned from a seed, struck while reading and writing are in full swing.

A plan names its victim, the share of the input at which it strikes, and how long the victim stays away. A
primary that is to be killed stalls first, as one that runs short of memory does: what it was sent before is
then written late, beside the copies that went elsewhere meanwhile. A SIGKILL alone seldom leaves a record
that was written and not acknowledged, and a run without one proves nothing about copies. Readers are frozen
for a moment before a primary goes: otherwise it would hold nothing that they have not read.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from anabranch.devkit.demo_replay import Replay
from anabranch.devkit.loop import Loop
from anabranch.devkit.replay import Progress

__all__ = ["FaultKind", "FaultPlan", "Nemesis", "plan_fault"]


class FaultKind(StrEnum):
    """What can be done to the system."""

    NONE = "none"
    KILL = "kill"
    PAUSE = "pause"
    TASKMANAGER = "taskmanager"
    WIPE = "wipe"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """A fault, whole before it happens.

    Attributes:
        kind: What is done.
        victim: Name of a primary, or the number of a TaskManager.
        at_share: Share of the input, 0..1, that is acknowledged when it strikes.
        away_s: How long the victim stays away, seconds.
        stall_s: How long it stalls before it is killed, seconds; 0 for faults that kill no primary.
    """

    kind: FaultKind
    victim: str
    at_share: float
    away_s: float
    stall_s: float = 0.0

    @property
    def on_primary(self) -> bool:
        """Whether the victim is a primary."""
        return self.kind in (FaultKind.KILL, FaultKind.PAUSE, FaultKind.WIPE)


# Longer than the half second after which the demo's producers send a record elsewhere as well.
_STALL_S = (0.8, 1.5)
# In full swing again after a stall: so many records more are acknowledged, or of a small input such a part of
# what the victim has yet to get, so that something is still to be written when it goes.
_SWING_RECORDS = 200
_SWING_PART = 0.25
# A stalled primary on a busy machine works off what has piled up; killing it meanwhile is a fair fault, too.
_SWING_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.1
# Hundreds of records at the slowest pace of a replay, and far from any time-out of Flink's.
_FROZEN_S = 0.5


def plan_fault(kind: FaultKind, primaries: list[str], task_managers: int, seed: int) -> FaultPlan:
    """Draws victim, moment and lengths from the seed."""
    rng = random.Random(f"{seed}-{kind}")  # noqa: S311  (a plan that can be repeated, not a secret)
    victim = str(rng.randrange(task_managers)) if kind is FaultKind.TASKMANAGER else rng.choice(primaries)
    plan = FaultPlan(kind, victim, rng.uniform(0.25, 0.45), rng.uniform(5.0, 8.0))
    return replace(plan, stall_s=rng.uniform(*_STALL_S)) if kind in _KILLS else plan


_KILLS = (FaultKind.KILL, FaultKind.WIPE)


class Nemesis:
    """Carries a plan out.

    Args:
        plan: What is to be done.
        loop: To whom.
        replay: Who writes meanwhile.
        look: Called once, to see what the victim holds unread: of a primary just before it returns, when
            nobody can have read from it for seconds, of a TaskManager just before it dies.
        tell: Takes a sentence about each thing that was done.
    """

    def __init__(
        self,
        plan: FaultPlan,
        loop: Loop,
        replay: Replay,
        *,
        look: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._loop = loop
        self._replay = replay
        self._look = look
        self._tell = tell

    def run(self) -> None:
        """Strikes, and brings the victim back when its time has come; returns then. Called once."""
        if self._plan.stall_s:
            self._stall()
        if self._plan.on_primary:
            with self._readers_frozen():
                self._strike()
            time.sleep(self._plan.away_s)
            self._look()
        else:
            self._look()
            self._strike()
        self._bring_back()

    def _stall(self) -> None:
        victim = self._loop.broker(self._plan.victim)
        victim.pause()
        self._tell(f"primary {self._plan.victim} stalls")
        time.sleep(self._plan.stall_s)
        victim.resume()
        wanted = self._in_swing()
        deadline = time.monotonic() + _SWING_WITHIN_S
        while self._acknowledged(self._replay.progress) < wanted and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)

    def _in_swing(self) -> int:
        """How many records the victim has acknowledged when it is in full swing again."""
        progress = self._replay.progress
        acknowledged = self._acknowledged(progress)
        to_come = (self._replay.total - progress.sent) * acknowledged / max(1, progress.sent)
        return acknowledged + int(min(_SWING_RECORDS, _SWING_PART * to_come))

    def _acknowledged(self, progress: Progress) -> int:
        return progress.acknowledged.get(self._plan.victim, 0)

    @contextmanager
    def _readers_frozen(self) -> Iterator[None]:
        """Stops all TaskManagers for a moment, so that what is written meanwhile is read by nobody."""
        readers = self._loop.flink.task_managers
        try:
            for reader in readers:
                reader.pause()
            time.sleep(_FROZEN_S)
            yield
        finally:
            for reader in readers:
                reader.resume()

    def _strike(self) -> None:
        victim = self._plan.victim
        if self._plan.kind in _KILLS:
            self._loop.broker(victim).kill()
            self._tell(f"kill -9 primary {victim}")
        elif self._plan.kind is FaultKind.PAUSE:
            self._loop.broker(victim).pause()
            self._tell(f"primary {victim} paused")
        elif self._plan.kind is FaultKind.TASKMANAGER:
            self._loop.flink.kill_task_manager(int(victim))
            self._tell(f"kill -9 TaskManager {victim}")

    def _bring_back(self) -> None:
        victim = self._plan.victim
        if self._plan.kind is FaultKind.KILL:
            self._loop.broker(victim).restart()
            self._tell(f"primary {victim} started again")
        elif self._plan.kind is FaultKind.WIPE:
            self._loop.wipe(victim)
            self._tell(f"primary {victim} back, empty")
        elif self._plan.kind is FaultKind.PAUSE:
            self._loop.broker(victim).resume()
            self._tell(f"primary {victim} resumed")
        elif self._plan.kind is FaultKind.TASKMANAGER:
            self._loop.flink.start_task_manager(int(victim))
            self._tell(f"TaskManager {victim} replaced")
