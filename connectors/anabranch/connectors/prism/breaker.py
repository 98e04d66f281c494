"""Whether a primary is worth asking: a circuit breaker with half-open probes.

::

    CLOSED ──(3 failures without an acknowledgement between, or the link is down)──▶ OPEN
    OPEN ──(cool-off over: one record may try)──▶ HALF_OPEN ──(it fails)──▶ OPEN, cool-off doubled
    any ──(an acknowledgement)──▶ CLOSED
"""

from __future__ import annotations

import random
from enum import StrEnum

__all__ = ["Breaker", "BreakerState"]

# A primary that fails is worth another look soon, since a restart takes seconds; the doubling bounds how
# many records pay a hedge's delay while it stays away.
FIRST_COOL_OFF_S = 1.0
MAX_COOL_OFF_S = 8.0
# One lost request is no outage; three without a success between are.
FAILURES_TO_OPEN = 3


class BreakerState(StrEnum):
    """Whether records go to a primary."""

    CLOSED = "closed"
    """Yes."""
    OPEN = "open"
    """No."""
    HALF_OPEN = "half-open"
    """One record, to see whether it is back."""


class Breaker:
    """State of one primary. Not safe from several threads; its owner holds a lock."""

    __slots__ = ("_cool_off_s", "_failures", "_jitter", "_retry_at", "opened_at", "reason", "state")

    def __init__(self, jitter: random.Random | None = None) -> None:
        self.state = BreakerState.CLOSED
        self.reason = ""
        self.opened_at = 0.0
        self._failures = 0
        self._cool_off_s = FIRST_COOL_OFF_S
        self._retry_at = 0.0
        # Many producers that lost a primary together should not come back to it together.
        self._jitter = jitter or random.Random()  # noqa: S311  (spreads probes, protects nothing)

    def succeeded(self) -> bool:
        """An acknowledgement arrived; says whether that closed the breaker."""
        self._failures = 0
        if self.state is BreakerState.CLOSED:
            return False
        self.state = BreakerState.CLOSED
        self._cool_off_s = FIRST_COOL_OFF_S
        return True

    def failed(self, now: float, reason: str) -> bool:
        """An attempt failed or timed out; says whether that opened the breaker."""
        self._failures += 1
        if self.state is BreakerState.CLOSED and self._failures < FAILURES_TO_OPEN:
            self.reason = reason
            return False
        return self.trip(now, reason)

    def trip(self, now: float, reason: str) -> bool:
        """The primary is known to be unusable; says whether that opened the breaker."""
        if self.state is BreakerState.OPEN:
            return False
        self.reason = reason
        if self.state is BreakerState.CLOSED:
            self.opened_at = now
        self.state = BreakerState.OPEN
        self._retry_at = now + self._cool_off_s * self._jitter.uniform(0.8, 1.2)
        self._cool_off_s = min(2 * self._cool_off_s, MAX_COOL_OFF_S)
        return True

    def probe_due(self, now: float) -> bool:
        """Whether the cool-off of an open breaker is over."""
        return self.state is BreakerState.OPEN and now >= self._retry_at

    def start_probe(self) -> None:
        """Lets one record through."""
        self.state = BreakerState.HALF_OPEN

    def describe(self, now: float) -> str:
        """State and reason in words, for error messages."""
        if self.state is BreakerState.CLOSED:
            return f"in use, last trouble: {self.reason}" if self.reason else "in use, no answer"
        return f"down since {now - self.opened_at:.1f} s: {self.reason or 'no answer'}"
