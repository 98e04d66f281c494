"""From pydantic's findings to sentences with a line, what would be valid, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from anabranch.errors import TopologyError
from anabranch.topology.auth import (
    MtlsAuth,
    NoAuth,
    OAuthBearerAuth,
    PlainAuth,
    ScramAuth,
    WorkloadIdentityAuth,
)
from anabranch.topology.model import Group, Primary, StreamSpec, Topology
from anabranch.topology.rules import NAME, Path, Problem, did_you_mean

__all__ = ["error_of", "problems_in"]

# One screen at most.
_MAX_SHOWN = 8
_MAX_WORD = 40

_AUTH: dict[str, type[BaseModel]] = {
    "none": NoAuth,
    "plain": PlainAuth,
    "scram": ScramAuth,
    "mtls": MtlsAuth,
    "oauthbearer": OAuthBearerAuth,
    "workload-identity": WorkloadIdentityAuth,
}


def problems_in(error: ValidationError) -> list[Problem]:
    """All problems that a validation found, without any of the input's values but names and states."""
    found: list[Problem] = []
    details = error.errors(include_url=False)
    places = [tuple(detail["loc"]) for detail in details]
    for detail, place in zip(details, places, strict=True):
        within = any(len(each) > len(place) and each[: len(place)] == place for each in places)
        if detail["type"] == "too_short" and within:
            # pydantic counts what was valid, so that a list with one bad entry is too short as well.
            continue
        context = detail.get("ctx", {})
        if detail["type"] == "rules":
            found.extend(cast("list[Problem]", context["problems"]))
        else:
            found.append(_problem(detail["type"], place, detail["msg"], context, detail["input"]))
    return found


def error_of(problems: list[Problem], lines: Mapping[Path, int], where: str) -> TopologyError:
    """One error for all problems of a document, in its order."""
    ordered = sorted(problems, key=lambda problem: _line(lines, problem.path))
    places = [(f"{where}:{_line(lines, problem.path)}", problem) for problem in ordered]
    if len(places) == 1:
        place, problem = places[0]
        return TopologyError(_sentence(problem), where=place, hint=problem.hint or None)
    shown = [
        f"\n  {place}: {_sentence(problem)}" + (f" ({problem.hint})" if problem.hint else "")
        for place, problem in places[:_MAX_SHOWN]
    ]
    more = f"\n  … and {len(places) - _MAX_SHOWN} more" if len(places) > _MAX_SHOWN else ""
    return TopologyError(
        f"{len(places)} problems{''.join(shown)}{more}", where=where, hint="mend them and validate again"
    )


def _sentence(problem: Problem) -> str:
    path = ".".join(str(part) for part in problem.path)
    return f"{path}: {problem.message}" if path else problem.message


def _line(lines: Mapping[Path, int], path: Path) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _problem(kind: str, loc: Path, message: str, context: Mapping[str, Any], value: object) -> Problem:
    path = _plain_path(loc)
    if kind == "extra_forbidden":
        known = _fields_at(loc[:-1])
        return Problem(path, f"unknown field '{path[-1]}'", _or_list(str(path[-1]), known))
    if kind == "missing":
        return Problem(path, "is missing")
    if kind == "enum":
        known = [word.strip(" '") for word in str(context["expected"]).replace(" or ", ",").split(",")]
        if not isinstance(value, str):
            return Problem(path, "must be a word", _or_list("", known))
        return Problem(path, f"unknown {path[-1]} '{value[:_MAX_WORD]}'", _or_list(value, known))
    if kind == "union_tag_invalid":
        return Problem((*path, "type"), f"unknown type '{context['tag']}'", _or_list(context["tag"], _AUTH))
    if kind == "union_tag_not_found":
        return Problem((*path, "type"), "is missing", f"one of {', '.join(_AUTH)}")
    if kind == "too_short":
        return Problem(path, "is empty", "write at least one")
    if kind == "string_pattern_mismatch":
        what = "name" if context["pattern"] == NAME else "URL"
        return Problem(path, f"is not a valid {what}", f"it must match {context['pattern']}")
    return Problem(path, message[:1].lower() + message[1:], str(context.get("hint", "")))


def _or_list(word: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"{did_you_mean(word, names)} valid: {', '.join(names)}".strip()


def _plain_path(loc: Path) -> Path:
    # pydantic puts the tag of a union and the marker of a bad key among the document's own keys.
    path = tuple(part for part in loc if part != "[key]")
    if len(path) > 5 and path[4] == "auth":
        return (*path[:5], *path[6:])
    return path


def _fields_at(loc: Path) -> list[str]:
    model: type[BaseModel]
    match loc:
        case ():
            model = Topology
        case ("groups", _):
            model = Group
        case ("groups", _, "primaries", _):
            model = Primary
        case ("groups", _, "streams", _):
            model = StreamSpec
        case ("groups", _, "primaries", _, "auth", tag):
            model = _AUTH[str(tag)]
        case _:
            return []
    return list(model.model_fields)
