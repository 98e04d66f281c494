"""The one fault of a run: planned from a seed, struck while reading and writing are in full swing.

A plan names its victim, the share of the input at which it strikes, and how long the victim stays away. What
was done is told through a callback, so that it is marked on the timeline.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from anabranch.devkit.loop import Loop

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
    """

    kind: FaultKind
    victim: str
    at_share: float
    away_s: float

    @property
    def on_primary(self) -> bool:
        """Whether the victim is a primary."""
        return self.kind in (FaultKind.KILL, FaultKind.PAUSE, FaultKind.WIPE)


def plan_fault(kind: FaultKind, primaries: list[str], task_managers: int, seed: int) -> FaultPlan:
    """Draws victim, moment and length from the seed."""
    rng = random.Random(f"{seed}-{kind}")  # noqa: S311  (a plan that can be repeated, not a secret)
    victim = str(rng.randrange(task_managers)) if kind is FaultKind.TASKMANAGER else rng.choice(primaries)
    return FaultPlan(kind, victim, rng.uniform(0.25, 0.45), rng.uniform(5.0, 8.0))


class Nemesis:
    """Carries a plan out; `strike` and `relent` are called once each, in that order, from one thread."""

    def __init__(self, plan: FaultPlan, loop: Loop, tell: Callable[[str], None]) -> None:
        self.plan = plan
        self._loop = loop
        self._tell = tell
        self._struck_at: float | None = None

    @property
    def struck(self) -> bool:
        """Whether the fault has happened."""
        return self._struck_at is not None

    def strike(self) -> None:
        """Does the harm."""
        self._struck_at = time.monotonic()
        victim = self.plan.victim
        if self.plan.kind in (FaultKind.KILL, FaultKind.WIPE):
            self._loop.broker(victim).kill()
            self._tell(f"kill -9 primary {victim}")
        elif self.plan.kind is FaultKind.PAUSE:
            self._loop.broker(victim).pause()
            self._tell(f"primary {victim} paused")
        elif self.plan.kind is FaultKind.TASKMANAGER:
            self._loop.flink.kill_task_manager(int(victim))
            self._tell(f"kill -9 TaskManager {victim}")

    def relent(self) -> None:
        """Brings the victim back when its time has come; sleeps until then."""
        if self._struck_at is None or self.plan.kind is FaultKind.NONE:
            return
        if self.plan.on_primary:
            time.sleep(max(0.0, self._struck_at + self.plan.away_s - time.monotonic()))
        self._bring_back()

    def _bring_back(self) -> None:
        victim = self.plan.victim
        if self.plan.kind is FaultKind.KILL:
            self._loop.broker(victim).restart()
            self._tell(f"primary {victim} started again")
        elif self.plan.kind is FaultKind.WIPE:
            self._loop.wipe(victim)
            self._tell(f"primary {victim} back, empty")
        elif self.plan.kind is FaultKind.PAUSE:
            self._loop.broker(victim).resume()
            self._tell(f"primary {victim} resumed")
        elif self.plan.kind is FaultKind.TASKMANAGER:
            self._loop.flink.start_task_manager(int(victim))
            self._tell(f"TaskManager {victim} replaced")
