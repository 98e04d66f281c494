"""A daemon thread that lets a producer make progress while its owner is elsewhere."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

__all__ = ["Keeper"]


class _Kept(Protocol):
    def keep(self) -> None: ...


class Keeper:
    """Calls ``keep()`` of an object at an interval, until it is stopped or the object is gone.

    Args:
        kept: Referred to weakly, so that a producer that nobody closed can still be collected.
        interval_s: Time between calls.
        name: Of the thread.
    """

    def __init__(self, kept: _Kept, interval_s: float, name: str) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=_run, args=(weakref.ref(kept), self._stop, interval_s), name=name, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """No call begins after this returns."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()


def _run(kept: weakref.ref[_Kept], stop: threading.Event, interval_s: float) -> None:
    while not stop.wait(interval_s):
        target = kept()
        if target is None:
            return
        target.keep()
        del target
