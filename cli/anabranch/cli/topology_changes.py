"""What a publication changes, one line a change, as `anabranch topology` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from anabranch.topology import Publication, Topology

__all__ = ["changes"]

# A change of state needs no word before it; that of any other field does.
_PLAIN = "state"


def changes(done: Publication) -> list[str]:
    """Primaries and streams that came (`+`), went (`-`) or have another value in a field (`~`)."""
    old = _entries(done.before) if done.before is not None else {}
    new = _entries(done.after)
    lines = []
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in old:
            lines.append(f"+ {name} {_brief(new[name])}")
        elif name not in new:
            lines.append(f"- {name}")
        else:
            lines += [f"~ {name} {change}" for change in _fields(old[name], new[name])]
    return lines


def _entries(topology: Topology) -> dict[str, BaseModel]:
    """By name; a primary and a stream of a group may have the same one, so a stream's says what it is."""
    found: dict[str, BaseModel] = {}
    for group_name, group in topology.groups.items():
        found |= {f"{group_name}/{name}": primary for name, primary in group.primaries.items()}
        found |= {f"stream {group_name}/{name}": spec for name, spec in group.streams.items()}
    return found


def _brief(entry: BaseModel) -> str:
    """What tells most about an entry that is new."""
    if _PLAIN in type(entry).model_fields:
        return str(getattr(entry, _PLAIN))
    return ", ".join(f"{field} {getattr(entry, field)}" for field in ("partitions", "copies"))


def _fields(old: BaseModel, new: BaseModel) -> Iterator[str]:
    for field in type(new).model_fields:
        was, now = getattr(old, field), getattr(new, field)
        if was == now:
            continue
        if field == "auth":
            yield _auth(was, now)
        else:
            yield f"{'' if field == _PLAIN else f'{field} '}{_text(was)} -> {_text(now)}"


def _auth(old: Any, new: Any) -> str:
    """Which fields, not their values: they are no secrets, but as good as directions to them."""
    if old.type != new.type:
        return f"auth {old.type} -> {new.type}"
    names = [name for name in type(new).model_fields if getattr(old, name) != getattr(new, name)]
    return f"auth {new.type}, another {', '.join(names)}"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "unset" if value is None else str(value)
