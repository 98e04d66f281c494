"""What may follow what: the rule of readers and the stricter guards of publishers.

Readers take any newer valid document that still names each primary they know. Publishers are held
to more, because a mistake is cheapest where it is made: see :func:`check_publication`.
"""

from __future__ import annotations

from collections.abc import Iterator

from anabranch.errors import TopologyError
from anabranch.topology.model import Group, Topology
from anabranch.topology.rules import Problem

__all__ = ["check_publication", "check_successor", "publication_problems"]

# At most this part of a group's active primaries, or of its streams, may go in one publication.
_MAX_SHRINK = 0.5


def check_successor(old: Topology, new: Topology, where: str) -> None:
    """Raises :class:`TopologyError` unless readers of ``old`` may go on with ``new``.

    An equal document is its own successor; an absent primary or stale generation is an error.
    """
    if new == old:
        return
    if new.generation <= old.generation:
        other = ", and its content is another" if new.generation == old.generation else ""
        raise TopologyError(
            f"generation {new.generation} is not newer than the known {old.generation}{other}",
            where=where,
            hint=f"publish it as generation {old.generation + 1}",
        )
    for problem in _absent(old, new):
        raise TopologyError(problem.message, where=where, hint=problem.hint)


def check_publication(
    old: Topology | None, new: Topology, *, where: str = "topology", force_shrink: bool = False
) -> None:
    """Raises :class:`TopologyError` with the first guard that forbids to publish ``new`` over ``old``."""
    for problem in publication_problems(old, new, force_shrink=force_shrink):
        raise TopologyError(problem.message, where=where, hint=problem.hint or None)


def publication_problems(old: Topology | None, new: Topology, *, force_shrink: bool) -> Iterator[Problem]:
    """All that forbids to publish ``new`` over ``old`` (None: nothing is published yet)."""
    for name, group in new.groups.items():
        yield from _unwritable(name, group)
    if old is None:
        return
    if new.generation <= old.generation:
        yield Problem(
            ("generation",),
            f"generation {new.generation} does not grow: {old.generation} is published",
            f"set it to {old.generation + 1}",
        )
    yield from _absent(old, new)
    for name, group in old.groups.items():
        if name in new.groups:
            yield from _fewer_partitions(name, group, new.groups[name])
            if not force_shrink:
                yield from _shrunk(name, group, new.groups[name])


def _unwritable(name: str, group: Group) -> Iterator[Problem]:
    active = len(group.writable)
    if active == 0:
        yield Problem(
            ("groups", name, "primaries"),
            f"group '{name}' would have no active primary",
            "keep at least one active, or add one first",
        )
        return
    for stream, spec in group.streams.items():
        if spec.copies > active:
            yield Problem(
                ("groups", name, "streams", stream, "copies"),
                f"stream '{stream}' wants {spec.copies} copies, but only {active} primaries would be active",
                "lower copies first, or keep more primaries active",
            )


def _absent(old: Topology, new: Topology) -> Iterator[Problem]:
    for group, name, _ in old.primaries():
        if group not in new.groups or name not in new.groups[group].primaries:
            yield Problem(
                ("groups", group, "primaries"),
                f"primary '{name}' of group '{group}' is absent",
                f"keep it with `state: removed`: readers may still hold offsets of '{name}'",
            )


def _fewer_partitions(name: str, old: Group, new: Group) -> Iterator[Problem]:
    for stream, spec in old.streams.items():
        later = new.streams.get(stream)
        if later is not None and later.topic == spec.topic and later.partitions < spec.partitions:
            yield Problem(
                ("groups", name, "streams", stream, "partitions"),
                f"stream '{stream}' would go from {spec.partitions} to {later.partitions} partitions",
                "Kafka cannot remove partitions: keep the number, or name a new topic",
            )


def _shrunk(name: str, old: Group, new: Group) -> Iterator[Problem]:
    lost = [primary for primary in old.writable if primary not in new.writable]
    if len(lost) > _MAX_SHRINK * len(old.writable):
        yield Problem(
            ("groups", name, "primaries"),
            f"{len(lost)} of {len(old.writable)} active primaries of group '{name}' would go at once: "
            + ", ".join(lost),
            "go in steps, or give --force-shrink",
        )
    gone = [stream for stream in old.streams if stream not in new.streams]
    if len(gone) > _MAX_SHRINK * len(old.streams):
        yield Problem(
            ("groups", name, "streams"),
            f"{len(gone)} of {len(old.streams)} streams of group '{name}' would go at once: "
            + ", ".join(gone),
            "go in steps, or give --force-shrink",
        )
