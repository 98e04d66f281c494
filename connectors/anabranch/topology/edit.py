"""Changes of a document's text that leave its comments and layout alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from anabranch.errors import TopologyError
from anabranch.topology.document import compose, dump_topology, parse_topology
from anabranch.topology.model import Topology, WantedState
from anabranch.topology.rules import did_you_mean

__all__ = ["with_state"]


@dataclass(frozen=True)
class _Edit:
    """Puts ``text`` in place of the characters from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def with_state(
    text: str, primary: str, state: WantedState, *, group: str | None = None, where: str = "topology"
) -> str:
    """The document with that state of that primary and the next generation.

    Where an edit in place is not possible (say, two primaries share one YAML anchor), the document
    is written anew, without its comments. If the primary has that state already, the text comes back.

    Args:
        text: A valid document.
        primary: Name of the primary.
        state: What is wanted of it.
        group: Its group; needed only where several groups have a primary of that name.
        where: The document's place, for errors.

    Raises:
        TopologyError: There is no such primary, or several.
    """
    before = parse_topology(text, where)
    group = group or _group_with(before, primary, where)
    if group not in before.groups or primary not in before.groups[group].primaries:
        raise _unknown(before, primary, group, where)
    if before.groups[group].primaries[primary].state == state:
        return text
    after = _changed(before, group, primary, state)
    edited = text
    for edit in sorted(_edits(text, group, primary, after), key=lambda one: -one.start):
        edited = edited[: edit.start] + edit.text + edited[edit.end :]
    try:
        if parse_topology(edited, where) == after:
            return edited
    except TopologyError:
        pass
    return dump_topology(after)


def _changed(before: Topology, group: str, primary: str, state: WantedState) -> Topology:
    data = before.model_dump(mode="json")
    data["generation"] = before.generation + 1
    data["groups"][group]["primaries"][primary]["state"] = state.value
    try:
        return Topology.model_validate(data)
    except ValueError:
        copies = max(spec.copies for spec in before.groups[group].streams.values())
        raise TopologyError(
            f"without primary '{primary}' group '{group}' has too few primaries for {copies} copies",
            hint="lower copies first, or add a primary",
        ) from None


def _edits(text: str, group: str, primary: str, after: Topology) -> Iterator[_Edit]:
    root = compose(text)
    generation = _child(root, "generation")
    yield _Edit(generation.start_mark.index, generation.end_mark.index, str(after.generation))
    node = _child(_child(_child(_child(root, "groups"), group), "primaries"), primary)
    state = after.groups[group].primaries[primary].state.value
    present = [value for key, value in node.value if key.value == "state"]
    if present:
        quote = present[0].style if present[0].style in ("'", '"') else ""
        yield _Edit(present[0].start_mark.index, present[0].end_mark.index, f"{quote}{state}{quote}")
    elif isinstance(node, yaml.MappingNode) and node.flow_style:
        # In quotes, so that JSON stays JSON.
        quote = '"' if text.lstrip().startswith("{") else ""
        at = node.start_mark.index + 1
        yield _Edit(at, at, f"{quote}state{quote}: {quote}{state}{quote}, ")
    else:
        at = node.start_mark.index
        yield _Edit(at, at, f"state: {state}\n{' ' * node.start_mark.column}")


def _child(node: yaml.Node, name: str) -> yaml.Node:
    for key, value in node.value:
        if key.value == name:
            found: yaml.Node = value
            return found
    raise KeyError(name)


def _group_with(topology: Topology, primary: str, where: str) -> str:
    groups = [group for group, name, _ in topology.primaries() if name == primary]
    if len(groups) > 1:
        raise TopologyError(
            f"primary '{primary}' is in groups {', '.join(groups)}", where=where, hint="give --group"
        )
    if not groups:
        raise _unknown(topology, primary, None, where)
    return groups[0]


def _unknown(topology: Topology, primary: str, group: str | None, where: str) -> TopologyError:
    names = [name for owner, name, _ in topology.primaries() if group in (None, owner)]
    place = f"group '{group}'" if group else "any group"
    hint = f"{did_you_mean(primary, names)} primaries: {', '.join(names) or 'none'}".strip()
    return TopologyError(f"no primary '{primary}' in {place}", where=where, hint=hint)
