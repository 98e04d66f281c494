"""Reading a document once."""

from __future__ import annotations

from anabranch.errors import TopologyError
from anabranch.topology.document import parse_topology
from anabranch.topology.model import Topology
from anabranch.topology.store import open_store

__all__ = ["load_topology"]


def load_topology(uri: str) -> Topology:
    """Reads the document at a path, ``file:`` or ``http(s):`` URI now.

    Raises:
        TopologyError: There is none, or it is invalid; with the line.
        UnavailableError: The place does not answer.
    """
    store = open_store(uri)
    stored = store.read()
    if stored is None:
        raise TopologyError(
            "there is no topology document", where=store.where, hint="check the path, or apply one first"
        )
    return parse_topology(stored.text, store.where)
