"""Guards of publication: what is refused, and what holds for any sequence of publications."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anabranch.errors import TopologyError
from anabranch.topology import Topology, WantedState, dump_topology, parse_topology, publish, set_state
from anabranch.topology.guards import check_publication
from anabranch.topology.store import Stored, conflict

NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
STATES = st.sampled_from(list(WantedState))


class MemoryStore:
    """A store without a place; `before_replace` stands for what somebody else does meanwhile."""

    where = "memory"
    key = "memory"

    def __init__(self, text: str | None = None) -> None:
        self.text = text
        self.interruptions: list[str] = []

    def read(self, known: Stored | None = None) -> Stored | None:
        if known is not None and known.text == self.text:
            return known
        return Stored(self.text, str(hash(self.text))) if self.text is not None else None

    def replace(self, text: str, known: Stored | None) -> Stored:
        if self.interruptions:
            self.text = self.interruptions.pop(0)
        if self.text != (known.text if known is not None else None):
            raise conflict(self.where)
        self.text = text
        return Stored(text, str(hash(text)))


def topology(generation: int, copies: int = 1, partitions: int = 4, **states: str) -> Topology:
    primaries = {name: {"bootstrap": [f"{name}:1"], "state": state} for name, state in states.items()}
    streams = {"logs": {"partitions": partitions, "copies": copies}}
    return Topology.model_validate(
        {"generation": generation, "groups": {"g": {"primaries": primaries, "streams": streams}}}
    )


def of_groups(generation: int, *groups: str, streams: int = 1) -> Topology:
    data = {
        group: {
            "primaries": {"a": {"bootstrap": ["a:1"]}},
            "streams": {f"{group}-{index}": {"partitions": 1} for index in range(streams)},
        }
        for group in groups
    }
    return Topology.model_validate({"generation": generation, "groups": data})


A, D, R = "active", "draining", "removed"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (topology(2, a=A), topology(2, a=A, b=A), "generation 2 does not grow: 2 is published"),
        (topology(2, a=A), topology(1, a=A, b=A), "set it to 3"),
        (topology(1, a=A, b=A), topology(2, a=A), "primary 'b' of group 'g' is absent"),
        (topology(1, a=A, b=R), topology(2, a=A), "keep it with `state: removed`"),
        (of_groups(1, "g", "h"), of_groups(2, "g"), "primary 'a' of group 'h' is absent"),
        (topology(1, a=A), topology(2, a=D), "no active primary"),
        (None, topology(1, a=D), "no active primary"),
        (topology(1, a=A, b=A, c=A), topology(2, a=A, b=D, c=R), "2 of 3 active primaries"),
        (topology(1, copies=2, a=A, b=A), topology(2, copies=2, a=A, b=D), "wants 2 copies"),
        (topology(1, a=A, partitions=8), topology(2, a=A, partitions=4), "from 8 to 4 partitions"),
        (of_groups(1, "g", streams=3), of_groups(2, "g", streams=1), "2 of 3 streams"),
    ],
)
def test_guard_refuses(old: Topology | None, new: Topology, words: str) -> None:
    with pytest.raises(TopologyError) as caught:
        check_publication(old, new)
    assert words in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (None, topology(7, a=A)),
        (topology(1, a=A), topology(100, a=A)),
        (topology(1, a=A, b=A), topology(2, a=A, b=R)),
        (topology(1, a=A, b=A, c=A, d=A), topology(2, a=A, b=A, c=D, d=R)),
        (topology(1, a=A, b=R), topology(2, a=A, b=A)),
        (topology(1, a=A, partitions=4), topology(2, a=A, partitions=8)),
        (of_groups(1, "g"), of_groups(2, "g", "h")),
        (of_groups(1, "g", streams=2), of_groups(2, "g", streams=1)),
    ],
)
def test_guard_agrees(old: Topology | None, new: Topology) -> None:
    check_publication(old, new)


def test_force_overrides_only_the_bound() -> None:
    three = topology(1, a=A, b=A, c=A)
    check_publication(three, topology(2, a=A, b=R, c=R), force_shrink=True)
    for refused in (topology(2, a=D, b=R, c=R), topology(2, a=A, b=R), topology(1, a=A, b=R, c=R)):
        with pytest.raises(TopologyError):
            check_publication(three, refused, force_shrink=True)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    states = draw(st.dictionaries(NAMES, STATES, min_size=1))
    streams = draw(st.dictionaries(st.sampled_from(["x", "y", "z"]), st.integers(1, 3)))
    return {
        "generation": draw(st.integers(1, 6)),
        "groups": {
            "g": {
                "primaries": {name: {"bootstrap": [f"{name}:1"], "state": s} for name, s in states.items()},
                "streams": {name: {"partitions": 1, "copies": copies} for name, copies in streams.items()},
            }
        },
    }


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(documents(), st.booleans()), max_size=8))
def test_any_sequence_grows_and_never_empties_or_forgets(attempts: list[tuple[dict[str, Any], bool]]) -> None:
    store = MemoryStore()
    for data, force in attempts:
        before = parse_topology(store.text) if store.text is not None else None
        try:
            text = dump_topology(Topology.model_validate(data))
            publish(store, text, force_shrink=force)
        except (ValueError, TopologyError):
            assert store.text == (dump_topology(before) if before is not None else None)
            continue
        assert store.text is not None
        after = parse_topology(store.text)
        assert all(group.writable for group in after.groups.values())
        if before is None or after == before:
            continue
        assert after.generation > before.generation
        known = {(group, name) for group, name, _ in before.primaries()}
        assert known <= {(group, name) for group, name, _ in after.primaries()}
        kept = set(before.groups["g"].writable) & set(after.groups["g"].writable)
        assert force or 2 * len(kept) >= len(before.groups["g"].writable)


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["yaml", "json", "flow"]),
    st.lists(st.tuples(NAMES, STATES, st.booleans()), max_size=6),
)
def test_any_sequence_of_states_is_what_was_asked_for(
    layout: str, changes: list[tuple[str, WantedState, bool]]
) -> None:
    first = topology(1, a=A, b=A, c=A, d=A, e=A)
    text = {
        "yaml": dump_topology(first).replace("b:1", "b:1 # keep me"),
        "json": first.model_dump_json(indent=1, exclude_none=True),
        "flow": "generation: 1 # keep me\ngroups: {g: {primaries: {"
        + ", ".join(f"{name}: {{bootstrap: [{name}:1]}}" for name in "abcde")
        + "}, streams: {logs: {partitions: 4}}}}\n",
    }[layout]
    store = MemoryStore(text)
    for name, state, force in changes:
        before = parse_topology(store.text or "")
        try:
            done = set_state(store, name, state, force_shrink=force)
        except TopologyError:
            assert parse_topology(store.text or "") == before
            continue
        after = parse_topology(store.text or "")
        assert done.after == after
        assert after.groups["g"].primaries[name].state == state
        assert after.generation == before.generation + (1 if done.changed else 0)
        others = [primary for primary in before.groups["g"].primaries if primary != name]
        assert all(before.groups["g"].primaries[o] == after.groups["g"].primaries[o] for o in others)
    assert ("keep me" in (store.text or "")) == (layout != "json")
    if layout == "json":
        import json

        json.loads(store.text or "")


def test_set_state_is_made_anew_on_what_another_wrote() -> None:
    store = MemoryStore(dump_topology(topology(1, a=A, b=A, c=A)))
    store.interruptions = [dump_topology(topology(2, a=A, b=A, c=D))]
    done = set_state(store, "b", WantedState.DRAINING, force_shrink=True)
    assert done.after == topology(3, a=A, b=D, c=D)


def test_set_state_gives_up_when_others_write_all_the_time() -> None:
    store = MemoryStore(dump_topology(topology(1, a=A, b=A, c=A)))
    store.interruptions = [dump_topology(topology(g, a=A, b=A, c=A)) for g in range(2, 20)]
    with pytest.raises(TopologyError, match="somebody else published"):
        set_state(store, "b", WantedState.DRAINING)
    assert len(store.interruptions) > 5


@pytest.mark.parametrize(
    ("primary", "group", "words"),
    [
        ("hall-3", None, "did you mean 'hall-1'?"),
        ("zzz", "g", "no primary 'zzz' in group 'g'"),
        ("hall-1", "h", "no primary 'hall-1' in group 'h'"),
        ("both", None, "is in groups g, h"),
    ],
)
def test_set_state_names_the_primaries_there_are(primary: str, group: str | None, words: str) -> None:
    text = (
        "generation: 1\ngroups:\n"
        "  g: {primaries: {hall-1: {bootstrap: [x:1]}, both: {bootstrap: [y:1]}}, streams: {}}\n"
        "  h: {primaries: {both: {bootstrap: [z:1]}}, streams: {}}\n"
    )
    with pytest.raises(TopologyError) as caught:
        set_state(MemoryStore(text), primary, WantedState.DRAINING, group=group)
    assert words in str(caught.value)


def test_set_state_under_a_shared_anchor_changes_one_primary_only() -> None:
    text = (
        "generation: 1\ngroups:\n  g:\n    primaries:\n"
        "      a: {bootstrap: [x:1], state: &s active}\n      b: {bootstrap: [y:1], state: *s}\n"
        "    streams: {}\n"
    )
    store = MemoryStore(text)
    set_state(store, "b", WantedState.DRAINING)
    group = parse_topology(store.text or "").groups["g"]
    assert [primary.state for primary in group.primaries.values()] == [A, D]
