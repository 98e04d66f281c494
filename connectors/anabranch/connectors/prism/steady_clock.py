"""The producer's time, which stands still while its process did.

A process that was stopped, or starved, has seen no answers meanwhile: what it takes for late may have come.
So that time counts neither as a primary's silence nor as one in which a record was tried. Java's twin is
``EngineClock``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["SteadyClock"]

# The producer's own thread asks it every 50 ms. Who comes so late was not merely scheduled late.
_STOOD_STILL_S = 1.0


class SteadyClock:
    """To be called as ``time.monotonic``; by any thread, and at least every few hundred milliseconds.

    Args:
        raw: The time that goes on.
    """

    def __init__(self, raw: Callable[[], float] = time.monotonic) -> None:
        self._raw = raw
        self._lock = threading.Lock()
        self._latest = raw()
        self._stood_s = 0.0

    def __call__(self) -> float:
        """Seconds, since some moment; never going back."""
        with self._lock:
            now = self._raw()
            late = now - self._latest
            if late > _STOOD_STILL_S:
                self._stood_s += late
            self._latest = now
            return now - self._stood_s
