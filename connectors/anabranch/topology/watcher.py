"""Follows one document: polls it, keeps and caches the last good version, tells who listens."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from anabranch.errors import AnabranchError
from anabranch.topology.cache import TopologyCache, default_cache_dir
from anabranch.topology.document import parse_topology
from anabranch.topology.guards import check_successor
from anabranch.topology.model import Topology
from anabranch.topology.store import Stored, missing, open_store

__all__ = ["TopologyWatcher"]

_log = logging.getLogger(__name__)

_INTERVAL_S = 10.0
# Without any document nothing can start, so ask more often.
_INTERVAL_WITHOUT_S = 1.0
# Long enough for a listener that is being called.
_JOIN_S = 5.0


class TopologyWatcher:
    """Polls one location from a daemon thread; no error leaves that thread.

    The first read is made by the constructor. If that fails, the cached document is taken; if there
    is none either, :attr:`current` stays None until the location answers.

    Args:
        uri: Path, ``file:`` or ``http(s):`` URI.
        interval_s: Time between polls.
        on_change: Called from the watcher's thread once for the first document and once for each
            newer valid generation, never twice at a time. What it raises is logged.
        cache_dir: Where the last good document is kept.
        quiet: What goes wrong is logged at DEBUG, by one who tells :attr:`last_error` in another way.
    """

    def __init__(
        self,
        uri: str,
        *,
        interval_s: float = _INTERVAL_S,
        on_change: Callable[[Topology], None] | None = None,
        cache_dir: Path | None = None,
        quiet: bool = False,
    ) -> None:
        self._level = logging.DEBUG if quiet else logging.WARNING
        self._store = open_store(uri)
        self._cache = TopologyCache(self._store.key, cache_dir or default_cache_dir())
        self._interval_s = interval_s
        self._on_change = on_change
        self._stored: Stored | None = None
        self._current: Topology | None = None
        self._last_fetched_s: float | None = None
        self._last_error: AnabranchError | None = None
        self._last_cache_problem = ""
        self._told_error = ""
        self._told_generation = 0
        self._stop = threading.Event()
        self._poll_safely()
        if self._current is None:
            self._take_cached()
        if self._current is not None:
            # Without any document whoever opens it reads `last_error` and can tell it better; a later poll
            # tells those who go on.
            self._tell_error()
        self._thread = threading.Thread(target=self._run, name="topology-watcher", daemon=True)
        self._thread.start()

    @property
    def current(self) -> Topology | None:
        """The newest valid document so far."""
        return self._current

    @property
    def last_fetched_s(self) -> float | None:
        """When the location last confirmed :attr:`current`, seconds since the epoch.

        Writers compare it with their `max_stale`. A location that does not answer, or that shows an
        invalid or older document, confirms nothing.
        """
        return self._last_fetched_s

    @property
    def last_error(self) -> AnabranchError | None:
        """Why the last poll confirmed nothing; None if it did."""
        return self._last_error

    def close(self) -> None:
        """Stops the thread; no call of ``on_change`` begins after this returns."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            # A poll under way ends by the store's deadline; nobody has to wait for it.
            self._thread.join(_JOIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        self._tell()
        while not self._stop.wait(self._pause_s()):
            self._poll_safely()
            self._tell_error()
            self._tell()

    def _pause_s(self) -> float:
        return self._interval_s if self._current is not None else min(self._interval_s, _INTERVAL_WITHOUT_S)

    def _poll_safely(self) -> None:
        try:
            self._poll()
            self._last_error = None
        except AnabranchError as error:
            self._last_error = error
        except Exception:
            # A defect here must not end the only thread that follows the document.
            _log.exception("topology %s: poll failed", self._store.where)

    def _tell_error(self) -> None:
        error = str(self._last_error or "")
        if error and error != self._told_error:
            _log.log(self._level, "topology stays at generation %s: %s", self._generation(), error)
        self._told_error = error

    def _poll(self) -> None:
        stored = self._store.read(self._stored)
        if stored is None:
            raise missing(self._store.where)
        if stored is not self._stored or self._current is None:
            topology = parse_topology(stored.text, self._store.where)
            if self._current is not None:
                check_successor(self._current, topology, self._store.where)
            if topology != self._current:
                _log.info("topology %s: generation %d", self._store.where, topology.generation)
            self._current = topology
            self._stored = stored
        self._last_fetched_s = time.time()
        self._keep(stored.text)

    def _keep(self, text: str) -> None:
        problem = str(self._cache.keep(text) or "")
        if problem and problem != self._last_cache_problem:
            _log.log(self._level, "topology cannot be cached in %s: %s", self._cache.path, problem)
        self._last_cache_problem = problem

    def _take_cached(self) -> None:
        cached = self._cache.load()
        if cached is None:
            return
        self._current = cached.topology
        self._last_fetched_s = cached.confirmed_s
        _log.log(
            self._level, "topology %s: generation %d from the cache", self._store.where, self._generation()
        )

    def _generation(self) -> int:
        return self._current.generation if self._current is not None else 0

    def _tell(self) -> None:
        topology = self._current
        if topology is None or topology.generation <= self._told_generation or self._stop.is_set():
            return
        self._told_generation = topology.generation
        if self._on_change is None:
            return
        try:
            self._on_change(topology)
        except Exception:
            _log.exception("a listener failed on topology generation %d", topology.generation)
