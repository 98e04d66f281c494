"""Versions of upserts: those that are written from Python, one by one, and those that records carry."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from anabranch.connectors import record_headers

__all__ = ["VersionClock", "version_above", "version_in"]

_COUNTER_BITS = 16
# What jobs write unless they are given another one.
_EPOCH = 0


class VersionClock:
    """Gives versions that rise by two or more with each call: epoch ‖ hybrid logical clock, 12 bytes.

    As the Java writers' clock, but for their start a minute ahead. That puts a restored job above the one
    before it; for a command it would make a running job's next updates of the same keys lose for a minute.

    Args:
        wall_ms: Unix milliseconds.
    """

    def __init__(self, wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._wall_ms = wall_ms
        self._last = 0

    def next(self) -> bytes:
        """A version above all before."""
        self._last = max(self._wall_ms() << _COUNTER_BITS, self._last + 2)
        return _EPOCH.to_bytes(4, "big") + self._last.to_bytes(8, "big")


def version_above(version: bytes) -> bytes:
    """The next version after one of 12 bytes: no clock gives it, and any that follows is above it.

    Of the highest it is that itself.
    """
    above = min(int.from_bytes(version, "big") + 1, (1 << 8 * record_headers.VERSION_BYTES) - 1)
    return above.to_bytes(record_headers.VERSION_BYTES, "big")


def version_in(headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
    """12 bytes that compare as versions do; None where the headers are of no upsert. The last one counts."""
    for name, value in reversed(headers):
        if name == record_headers.VERSION:
            return value if value is not None and len(value) == record_headers.VERSION_BYTES else None
    return None
