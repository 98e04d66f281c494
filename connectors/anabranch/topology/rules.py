"""Rules of the document that hold between fields, and the words in which they are told.

The same rules are in Java (``TopologyRules``); ``tests/unit/vectors/topology.json`` holds both to them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from anabranch.topology.model import Group, Topology

__all__ = ["NAME", "Path", "Problem", "did_you_mean", "host_port", "problems_of"]

NAME = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,248}$"
"""Names of groups, primaries, streams and topics: what Kafka takes as a topic name."""

_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")

Path = tuple[str | int, ...]
"""Keys from the document's root to a place in it."""


@dataclass(frozen=True)
class Problem:
    """Something wrong in a document.

    Attributes:
        path: Keys from the document's root to the place.
        message: What is wrong.
        hint: What would be valid, or what to do; may be empty.
    """

    path: Path
    message: str
    hint: str = ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` for a close match among the known words, else an empty text."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""


def host_port(text: str) -> tuple[str, int]:
    """Splits ``host:port``; the host in lower case, for comparison."""
    found = _ADDRESS.fullmatch(text)
    if not found or not 1 <= int(found["port"]) <= 65_535:
        raise PydanticCustomError(
            "address", "must be host:port", {"hint": "for example kafka-1.example.org:9092 or [::1]:9092"}
        )
    return found["host"].lower(), int(found["port"])


def problems_of(topology: Topology) -> list[Problem]:
    """All breaches of the rules, in the document's order."""
    found: list[Problem] = []
    owners: dict[str, str] = {}
    for name, group in topology.groups.items():
        found.extend(_streams(name, group, owners))
        found.extend(_addresses(name, group))
    return found


def _streams(group_name: str, group: Group, owners: dict[str, str]) -> Iterator[Problem]:
    usable = len(group.readable)
    topics: dict[str, str] = {}
    for name, spec in group.streams.items():
        path = ("groups", group_name, "streams", name)
        if name in owners:
            yield Problem(
                path,
                f"stream '{name}' is in group '{owners[name]}' too",
                "stream names are unique over all groups: rename one",
            )
        owners.setdefault(name, group_name)
        if spec.topic in topics:
            yield Problem(
                path,
                f"streams '{topics[spec.topic]}' and '{name}' share topic '{spec.topic}'",
                "give each stream of a group a topic of its own",
            )
        topics.setdefault(spec.topic, name)
        if spec.copies > usable:
            yield Problem(
                (*path, "copies"),
                f"copies is {spec.copies}, but only {usable} primaries of the group are not removed",
                "lower copies or add a primary",
            )


def _addresses(group_name: str, group: Group) -> Iterator[Problem]:
    # Two names for one cluster would read every record twice. A tombstone may share its address
    # with its successor: that is how a primary is renamed.
    owners: dict[tuple[str, int], str] = {}
    for name, primary in group.readable.items():
        for index, address in enumerate(primary.bootstrap):
            owner = owners.setdefault(host_port(address), name)
            path = ("groups", group_name, "primaries", name, "bootstrap", index)
            if owner != name:
                yield Problem(
                    path,
                    f"primaries '{owner}' and '{name}' share the address {address}",
                    "each primary is a cluster of its own",
                )
