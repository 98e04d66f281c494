"""Publication: read what is there, hold the new document to the guards, replace only what was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anabranch.errors import TopologyError
from anabranch.topology.document import parse_topology
from anabranch.topology.edit import with_state
from anabranch.topology.guards import check_publication
from anabranch.topology.model import Topology, WantedState
from anabranch.topology.store import TopologyStore, missing

__all__ = ["Publication", "publish", "set_state"]

# Of publishers that change one state each, nobody should have to start again by hand: the change is
# made anew on what the other one wrote. More than this in a row means that something writes all the time.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Publication:
    """What a publication did.

    Attributes:
        before: What was published until now; None: nothing, or something invalid.
        after: What is published now, or would be.
        changed: Whether anything was, or would be, written.
    """

    before: Topology | None
    after: Topology
    changed: bool


def publish(
    store: TopologyStore,
    text: str,
    *,
    source: str = "topology",
    force_shrink: bool = False,
    over_invalid: bool = False,
    dry_run: bool = False,
) -> Publication:
    """Publishes a document, if it is valid, the guards agree and nobody else publishes meanwhile.

    Publishing once more what is there already changes nothing and is no error.

    Args:
        store: Where to.
        text: The document.
        source: Where the text is from, for errors.
        force_shrink: Let more than half of a group's active primaries or streams go at once.
        over_invalid: Replace a published document that is invalid, which guards cannot look at.
        dry_run: Check only.

    Raises:
        TopologyError: The document is invalid, a guard refuses it, or somebody else was faster.
        UnavailableError: The store does not answer.
    """
    after = parse_topology(text, source)
    known = store.read()
    if known is not None and known.text == text:
        return Publication(after, after, changed=False)
    before = None
    if known is not None:
        before = _published(known.text, store.where, over_invalid)
    # Another layout or comment under the same generation is the same document.
    if after != before:
        check_publication(before, after, where=source, force_shrink=force_shrink)
    if not dry_run:
        store.replace(text, known)
    return Publication(before, after, changed=True)


def set_state(
    store: TopologyStore,
    primary: str,
    state: WantedState,
    *,
    group: str | None = None,
    force_shrink: bool = False,
) -> Publication:
    """Publishes the document that is there with another wanted state of one primary.

    Comments and layout stay. The generation grows by one.

    Args:
        store: What to change.
        primary: Its name.
        state: What is wanted of it from now on.
        group: Its group; needed only where several groups have a primary of that name.
        force_shrink: As in :func:`publish`.

    Raises:
        TopologyError: There is no such primary, a guard refuses, or others publish all the time.
        UnavailableError: The store does not answer.
    """

    def change(text: str) -> str:
        return with_state(text, primary, state, group=group, where=store.where)

    return _changed(store, change, force_shrink=force_shrink)


def _changed(store: TopologyStore, change: Callable[[str], str], *, force_shrink: bool) -> Publication:
    for attempt in range(_ATTEMPTS):
        known = store.read()
        if known is None:
            raise missing(store.where)
        before = parse_topology(known.text, store.where)
        text = change(known.text)
        after = parse_topology(text, store.where)
        if after == before:
            return Publication(before, after, changed=False)
        check_publication(before, after, where=store.where, force_shrink=force_shrink)
        try:
            store.replace(text, known)
        except TopologyError:
            current = store.read()
            if attempt == _ATTEMPTS - 1 or current is None or current.text == known.text:
                raise
            continue
        return Publication(before, after, changed=True)
    raise AssertionError("the last attempt returns or raises")


def _published(text: str, where: str, over_invalid: bool) -> Topology | None:
    try:
        return parse_topology(text, where)
    except TopologyError as error:
        if over_invalid:
            return None
        raise TopologyError(
            f"what is published is invalid, so the guards cannot compare: {error.message}",
            where=error.where,
            hint="mend it there, or replace it with --over-invalid; readers stay on the last good one",
        ) from None
