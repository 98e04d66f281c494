"""Where a reader or writer learns which primaries there are: a fixed document, or one that is followed."""

from __future__ import annotations

import time

from anabranch.errors import UnavailableError
from anabranch.topology import Topology, TopologyWatcher
from anabranch.topology.store import missing, public_uri

__all__ = ["Guide"]


class Guide:
    """The newest topology, and how sure one may be of it.

    Args:
        topology: The document, or its path or URI.
        interval_s: Time between looks at the URI.
        max_stale_s: Writers stop when nobody confirmed the document for so long; None: never.

    Raises:
        AnabranchError: There is no document, neither at its place nor in the cache.
    """

    def __init__(self, topology: str | Topology, *, interval_s: float, max_stale_s: float | None) -> None:
        self._source = topology
        self._interval_s = interval_s
        self._max_stale_s = max_stale_s
        self._watcher: TopologyWatcher | None = None
        self._taken: Topology | None = None
        if isinstance(topology, str):
            self._watcher = TopologyWatcher(topology, interval_s=interval_s)
            if self._watcher.current is None:
                error = self._watcher.last_error
                self._watcher.close()
                raise error or missing(public_uri(topology))

    def news(self) -> Topology | None:
        """The document, if it is another than the one that was taken last."""
        current = self._source if isinstance(self._source, Topology) else None
        if self._watcher is not None:
            current = self._watcher.current
        return None if current is self._taken else current

    def take(self, topology: Topology) -> None:
        """It is followed now, and no news any more."""
        self._taken = topology

    def staleness(self) -> UnavailableError | None:
        """Why writing must stop, if it must."""
        if self._watcher is None or self._max_stale_s is None:
            return None
        fetched_s = self._watcher.last_fetched_s
        age_s = time.time() - fetched_s if fetched_s is not None else float("inf")
        if age_s <= self._max_stale_s:
            return None
        return UnavailableError(
            f"the topology was last confirmed {age_s:.0f} s ago, more than max_stale_s={self._max_stale_s:g}",
            where=public_uri(str(self._source)),
            hint="make the document readable again; writers do not go on with one that may be out of date",
        )

    def again(self) -> Guide:
        """A fresh one of the same document (after a fork, where the thread is gone)."""
        return Guide(self._source, interval_s=self._interval_s, max_stale_s=self._max_stale_s)

    def close(self) -> None:
        """Stops following."""
        if self._watcher is not None:
            self._watcher.close()
