"""The rules between fields, checked on a document of which parts are invalid by themselves."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from anabranch.topology.model import Group, Primary, StreamSpec, Topology
from anabranch.topology.rules import Problem, problems_of

__all__ = ["problems_between"]

_Model = TypeVar("_Model", bound=BaseModel)

# A primary of which nothing is known counts for the copies and has no address to share: a rule is told to be
# broken only where it is, whatever the invalid part was meant to be.
_UNKNOWN = Primary.model_construct(bootstrap=())


def problems_between(data: dict[str, Any]) -> list[Problem]:
    """Breaches among the primaries and streams of a document that are valid by themselves.

    Args:
        data: The whole document, which :class:`Topology` refuses.
    """
    groups = {name: _group(value) for name, value in _mapping(data, "groups").items()}
    return problems_of(Topology.model_construct(generation=1, groups=groups))


def _group(value: Any) -> Group:
    primaries = {
        name: _valid(Primary, entry) or _UNKNOWN for name, entry in _mapping(value, "primaries").items()
    }
    streams = {}
    for name, entry in _mapping(value, "streams").items():
        spec = _valid(StreamSpec, entry)
        if spec is not None:
            streams[name] = spec if spec.topic else spec.model_copy(update={"topic": name})
    return Group.model_construct(primaries=primaries, streams=streams)


def _mapping(value: Any, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _valid(model: type[_Model], value: Any) -> _Model | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None
