"""The topology document as values: groups, their primaries and their streams.

All models are frozen and refuse unknown fields. Rules that hold between fields (unique stream
names, no cluster twice, enough primaries for the copies) are in :mod:`anabranch.topology.rules`
and hold for every :class:`Topology`, whether it was read or made in code.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from anabranch.errors import TopologyError
from anabranch.topology.auth import Auth, NoAuth, StrictModel
from anabranch.topology.rules import NAME, did_you_mean, host_port, problems_of

__all__ = ["Group", "Primary", "StreamSpec", "Topology", "WantedState"]

# Java's long; JSON numbers beyond 2^53 are rare enough in a counter that people raise by one.
_MAX_GENERATION = 2**63 - 1


class WantedState(StrEnum):
    """What an operator wants of a primary."""

    ACTIVE = "active"
    """Written to and read."""
    DRAINING = "draining"
    """Read, but no longer written to."""
    REMOVED = "removed"
    """Neither; the entry stays as a tombstone."""


def _address(text: str) -> str:
    host_port(text)
    return text


_Name = Annotated[str, Field(pattern=NAME)]
_Address = Annotated[
    str,
    AfterValidator(_address),
    Field(json_schema_extra={"pattern": r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"}),
]
_Seconds = Annotated[int, Field(strict=True, ge=1, le=_MAX_GENERATION)]


class Primary(StrictModel):
    """One Kafka cluster of a group.

    Attributes:
        bootstrap: ``host:port`` each.
        state: What is wanted of it.
        auth: How clients prove who they are.
        idempotence: Whether its producers are idempotent; false for services that lack it.
    """

    bootstrap: Annotated[tuple[_Address, ...], Field(min_length=1)]
    state: WantedState = WantedState.ACTIVE
    auth: Auth = NoAuth()
    idempotence: Annotated[bool, Field(strict=True, description="Whether its producers are idempotent.")] = (
        True
    )


class StreamSpec(StrictModel):
    """One logical topic of a group.

    Attributes:
        topic: Name of the topic on every primary; the stream's own name where the document has none.
        partitions: Per primary.
        copies: On how many primaries a record must be acknowledged before its send is done.
        retention_s: How long brokers keep records; None: not known.
        outage_budget_s: How long a primary may be away, as its operators see it; None: no bound. Nothing
            reads it yet.
    """

    topic: Annotated[str, Field(pattern=NAME)] = ""
    partitions: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
    copies: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] = 1
    retention_s: _Seconds | None = None
    outage_budget_s: _Seconds | None = None


class Group(StrictModel):
    """Independent Kafka clusters, each of which holds every topic of the group and takes writes.

    Attributes:
        primaries: By name, tombstones included.
        streams: By name.
    """

    primaries: Annotated[dict[_Name, Primary], Field(min_length=1)]
    streams: dict[_Name, StreamSpec]

    @model_validator(mode="after")
    def _name_topics(self) -> Self:
        for name, spec in self.streams.items():
            if not spec.topic:
                self.streams[name] = spec.model_copy(update={"topic": name})
        return self

    def in_state(self, *states: WantedState) -> dict[str, Primary]:
        """The primaries in one of those states, in the document's order."""
        return {name: primary for name, primary in self.primaries.items() if primary.state in states}

    @property
    def writable(self) -> dict[str, Primary]:
        """The active primaries."""
        return self.in_state(WantedState.ACTIVE)

    @property
    def readable(self) -> dict[str, Primary]:
        """The active and draining primaries."""
        return self.in_state(WantedState.ACTIVE, WantedState.DRAINING)


class Topology(StrictModel):
    """One valid version of the topology document.

    Attributes:
        generation: Grows with every publication.
        groups: By name.
    """

    generation: Annotated[int, Field(strict=True, ge=1, le=_MAX_GENERATION)]
    groups: Annotated[dict[_Name, Group], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        problems = problems_of(self)
        if problems:
            text = "; ".join(f"{'.'.join(map(str, p.path))}: {p.message}" for p in problems)
            # Braces in the text would be read as a template: hand it over as a value.
            raise PydanticCustomError("rules", "{text}", {"text": text, "problems": problems})
        return self

    def group_of(self, stream: str) -> Group:
        """The group that has that stream.

        Raises:
            TopologyError: No group has it.
        """
        for group in self.groups.values():
            if stream in group.streams:
                return group
        names = [name for group in self.groups.values() for name in group.streams]
        raise TopologyError(
            f"no stream '{stream}' in any group of the topology",
            hint=did_you_mean(stream, names) or f"streams: {', '.join(sorted(names)) or 'none'}",
        )

    def primaries(self) -> Iterator[tuple[str, str, Primary]]:
        """(group, name, primary) of all groups, tombstones included."""
        for group_name, group in self.groups.items():
            for name, primary in group.primaries.items():
                yield group_name, name, primary
