"""Whether a primary is worth asking: a circuit breaker with half-open probes.

::

    CLOSED ──(3 failures without an acknowledgement between, silence, or the link is down)──▶ OPEN
    OPEN ──(cool-off over, a late acknowledgement, or it answers again: one record may try)──▶ HALF_OPEN
    HALF_OPEN ──(that record is acknowledged in time)──▶ CLOSED
    HALF_OPEN ──(it fails or stays unanswered)──▶ OPEN, cool-off doubled

The same as ``Breaker.java``; ``tests/unit/vectors/prism.json`` holds both to it.
"""

from __future__ import annotations

import math
import random
from enum import StrEnum

__all__ = ["Breaker", "BreakerState"]

# A primary that fails is worth another look soon, since a restart takes seconds; the doubling bounds how
# many records pay a hedge's delay while it stays away.
_FIRST_COOL_OFF_S = 1.0
_MAX_COOL_OFF_S = 8.0
# One lost request is no outage; three without a success between are.
_FAILURES_TO_OPEN = 3


class BreakerState(StrEnum):
    """Whether records go to a primary."""

    CLOSED = "closed"
    """Yes."""
    OPEN = "open"
    """No."""
    HALF_OPEN = "half-open"
    """One record, to see whether it is back."""


class Breaker:
    """State of one primary. Not safe from several threads; its owner holds a lock.

    Attributes:
        state: Whether records go to the primary.
        changed_at: When it last went to another state. Attempts from before tell nothing about it.
        opened_at: When the outage began that it tells of.
        reason: What is known to be wrong: of all that was heard since the last acknowledgement the newest
            concrete error, or, where there was none, the newest of the vague.
    """

    __slots__ = (
        "_concrete",
        "_cool_off_s",
        "_failures",
        "_jitter",
        "_retry_at",
        "changed_at",
        "opened_at",
        "reason",
        "state",
    )

    def __init__(self, jitter: random.Random | None = None) -> None:
        self.state = BreakerState.CLOSED
        self.reason = ""
        self.opened_at = 0.0
        self.changed_at = -math.inf
        self._concrete = False
        self._failures = 0
        self._cool_off_s = _FIRST_COOL_OFF_S
        self._retry_at = 0.0
        # Many producers that lost a primary together should not come back to it together.
        self._jitter = jitter or random.Random()  # noqa: S311  (spreads probes, protects nothing)

    def note(self, reason: str, *, vague: bool = False) -> None:
        """Remembers what went wrong, unless it says less than what is known already.

        Args:
            reason: In words; empty where nothing is known.
            vague: It tells that there is no answer, not why ("no answer for 0.5 s").
        """
        if not reason or (vague and self._concrete):
            return
        self.reason = reason
        self._concrete = not vague

    @property
    def concrete(self) -> bool:
        """Whether :attr:`reason` tells what is wrong, not only that there is no answer."""
        return self._concrete

    def acknowledged(self, now: float) -> bool:
        """Some attempt was acknowledged, however late; says whether that changed the state.

        An answer that comes late proves that the primary lives, not that it is prompt: records would go to
        a slow one again and again, each time to be hedged. So it cuts the cool-off short and no more.
        """
        self._failures = 0
        self._concrete = False
        return self.revive(now)

    def revive(self, now: float) -> bool:
        """There is a sign of life: the cool-off is cut short. Says whether that changed the state."""
        if self.state is not BreakerState.OPEN:
            return False
        self.start_probe(now)
        return True

    def probe_succeeded(self, now: float) -> None:
        """The probe was answered in time."""
        self._change(BreakerState.CLOSED, now)
        self._cool_off_s = _FIRST_COOL_OFF_S

    def failed(self, sent_at: float, now: float) -> bool:
        """An attempt failed; says whether that opened the breaker.

        Args:
            sent_at: When the attempt was made: one from before the last change tells nothing new.
            now: The time.
        """
        if sent_at < self.changed_at or self.state is BreakerState.OPEN:
            return False
        self._failures += 1
        if self.state is BreakerState.CLOSED and self._failures < _FAILURES_TO_OPEN:
            return False
        return self.trip(now)

    def trip(self, now: float) -> bool:
        """The primary is known to be unusable; says whether that opened the breaker."""
        if self.state is BreakerState.OPEN:
            return False
        if self.state is BreakerState.CLOSED:
            self.opened_at = now
        self._change(BreakerState.OPEN, now)
        self._retry_at = now + self._cool_off_s * self._jitter.uniform(0.8, 1.2)
        self._cool_off_s = min(2 * self._cool_off_s, _MAX_COOL_OFF_S)
        return True

    def probe_due(self, now: float) -> bool:
        """Whether the cool-off of an open breaker is over."""
        return self.state is BreakerState.OPEN and now >= self._retry_at

    def start_probe(self, now: float) -> None:
        """Lets one record through."""
        self._change(BreakerState.HALF_OPEN, now)

    def describe(self, now: float) -> str:
        """State and reason in words, for error messages."""
        if self.state is BreakerState.CLOSED:
            return f"in use, last trouble: {self.reason}" if self.reason else "in use, no answer"
        return f"down since {now - self.opened_at:.1f} s: {self.reason or 'no answer'}"

    def _change(self, state: BreakerState, now: float) -> None:
        self.state = state
        self.changed_at = now
        self._failures = 0
