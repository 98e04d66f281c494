"""Reading a document once, or taking the last good one."""

from __future__ import annotations

from dataclasses import dataclass

from anabranch.errors import AnabranchError
from anabranch.topology.cache import TopologyCache, default_cache_dir
from anabranch.topology.document import parse_topology
from anabranch.topology.model import Topology
from anabranch.topology.store import is_read_here, missing, open_store

__all__ = ["Loaded", "load_last_good", "load_topology"]


@dataclass(frozen=True)
class Loaded:
    """A document, and why it is the cached one; None: it was read now."""

    topology: Topology
    problem: AnabranchError | None


def load_topology(uri: str) -> Topology:
    """Reads the document at a path, ``file:`` or ``http(s):`` URI now.

    Raises:
        TopologyError: There is none, or it is invalid; with the line.
        UnavailableError: The place does not answer.
    """
    store = open_store(uri)
    stored = store.read()
    if stored is None:
        raise missing(store.where)
    return parse_topology(stored.text, store.where)


def load_last_good(uri: str) -> Loaded:
    """Reads the document now or, where that gives nothing valid, takes the one that was cached last.

    A restore must not need the publisher. The JVM caches in the same folder, so that what a job followed
    is known here too, even at a URI that only Flink reads.

    Raises:
        AnabranchError: Why it cannot be read, where none is cached either.
    """
    key = open_store(uri).key if is_read_here(uri) else uri
    try:
        return Loaded(load_topology(uri), None)
    except AnabranchError as error:
        cached = TopologyCache(key, default_cache_dir()).load()
        if cached is None:
            raise
        return Loaded(cached.topology, error)
