"""From flags, environment, file and defaults to one :class:`Settings`, and where each value came from."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from anabranch.errors import ConfigurationError
from anabranch.pipelines.inputs import wrong_option
from anabranch.pipelines.sensitive import HIDDEN, is_sensitive, told
from anabranch.pipelines.settings import Settings
from anabranch.topology.store import public_text

__all__ = ["Layer", "Resolved", "environment_layer", "leaf_names", "resolve"]

_Path = tuple[str, ...]

_NONE: Mapping[str, str] = {}
_SCHEMA = "`anabranch run --schema` prints what each setting takes"


@dataclass(frozen=True)
class Layer:
    """Values from one place.

    Attributes:
        values: By path: ``("checkpoints", "dir")``.
        sources: Where each was written, as shown to people: ``job.yaml:7``, ``--parallelism``.
        problems: What was found wrong already: where, what, and what would be valid.
    """

    values: Mapping[_Path, Any]
    sources: Mapping[_Path, str]
    problems: Sequence[tuple[str, str, str]] = ()


@dataclass(frozen=True)
class Resolved:
    """The settings of one run.

    Attributes:
        settings: Validated.
        sources: Where each value came from, by dotted name; all that are not default.
    """

    settings: Settings
    sources: Mapping[str, str]

    def rows(self, implied: Mapping[str, str] = _NONE) -> list[tuple[str, str, str]]:
        """Name, value and source of every setting, in the order of the model; secrets are hidden.

        Args:
            implied: What holds where the model has no value, by dotted name.
        """
        shown = []
        for path in leaf_names():
            value: Any = self.settings
            for part in path:
                value = getattr(value, part)
            name = ".".join(path)
            if isinstance(value, dict):
                shown += [
                    (f"{name}.{key}", HIDDEN if is_sensitive(key) else _text(item), self._source(name, key))
                    for key, item in value.items()
                ]
            else:
                shown.append((name, _text(value) or implied.get(name, ""), self.sources.get(name, "default")))
        return shown

    def _source(self, name: str, key: str) -> str:
        return self.sources.get(f"{name}.{key}", "default")


def leaf_names(model: type[BaseModel] = Settings) -> list[_Path]:
    """Paths of all settings that hold a value."""
    found: list[_Path] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found += [(name, *rest) for rest in leaf_names(inner)]
        else:
            found.append((name,))
    return found


def environment_layer(environment: Mapping[str, str] | None = None) -> Layer:
    """``ANABRANCH_`` and the path in capitals: ``ANABRANCH_CHECKPOINTS_DIR``."""
    known = os.environ if environment is None else environment
    values: dict[_Path, Any] = {}
    sources: dict[_Path, str] = {}
    for path in leaf_names():
        variable = "ANABRANCH_" + "_".join(path).upper()
        given = known.get(variable)
        if path == ("dead_letters",) and given == "":
            # As with the flag: a bad record fails the job.
            values[path], sources[path] = None, variable
        elif given and path not in (("flink",), ("inputs",)):
            values[path], sources[path] = given, variable
    return Layer(values, sources)


def resolve(layers: Iterable[Layer]) -> Resolved:
    """Lays later layers over earlier ones and validates.

    Raises:
        ConfigurationError: All that is wrong, each with where it was written.
    """
    values: dict[_Path, Any] = {}
    sources: dict[_Path, str] = {}
    problems: list[tuple[str, str, str]] = []
    for layer in layers:
        values.update(layer.values)
        sources.update(layer.sources)
        problems += layer.problems
    settings = None
    try:
        settings = Settings.model_validate(_nested(values))
    except ValidationError as error:
        problems += (_problem(detail, sources) for detail in error.errors(include_url=False))
    problems += _wrong_inputs(values, sources)
    if settings is not None and not problems:
        return Resolved(settings, {".".join(path): source for path, source in sources.items()})
    # Of a value that may be of several types each one complains.
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: _line(problem[0]))
    if len(ordered) == 1:
        where, message, hint = ordered[0]
        raise ConfigurationError(message, where=where, hint=hint or f"correct it; {_SCHEMA}")
    text = "".join(
        f"\n  {where}: {message}" + (f" ({hint})" if hint else "") for where, message, hint in ordered
    )
    raise ConfigurationError(
        f"{len(ordered)} settings are wrong{text}",
        hint=f"correct them; {_SCHEMA}",
    )


def _wrong_inputs(
    values: Mapping[_Path, Any], sources: Mapping[_Path, str]
) -> Iterator[tuple[str, str, str]]:
    """Of options of inputs, which the model takes as text: told with the rest, not one run later."""
    for path, value in values.items():
        if path[0] == "inputs" and len(path) > 1 and isinstance(value, str):
            wrong = wrong_option(".".join(path[1:]), value, None)
            if wrong is not None:
                yield (sources[path], *wrong)


def _line(place: str) -> float:
    """Of the file, from top to bottom; flags and variables come after it."""
    line = place.rpartition(":")[2]
    return math.inf if place.startswith("--") or not line.isdigit() else int(line)


def _nested(values: Mapping[_Path, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for path, value in values.items():
        node = nested
        for part in path[:-1]:
            node = node.setdefault(part, {})
        node[path[-1]] = value
    return nested


def _problem(detail: Any, sources: Mapping[_Path, str]) -> tuple[str, str, str]:
    path: _Path = tuple(str(part) for part in detail["loc"])
    if path[0] == "flink" and len(path) > 2:  # what follows is one of the types that it may have
        return sources[path[:2]], f"{'.'.join(path[:2])} is neither text nor a number nor true or false", ""
    name = ".".join(path)
    place = next(
        (sources[path[:end]] for end in range(len(path), 0, -1) if path[:end] in sources), "settings"
    )
    if detail["type"] == "extra_forbidden":
        known = [".".join(leaf) for leaf in leaf_names() if leaf[: len(path) - 1] == path[:-1]]
        close = difflib.get_close_matches(name, known, 1)
        start = f"did you mean {close[0]}? " if close else ""
        return place, f"unknown setting '{name}'", f"{start}valid: {', '.join(known)}"
    # A flag says of itself which setting it is.
    what = "" if place.startswith("--") else f"{name}: "
    message = str(detail["msg"])
    given = told(name, detail["input"])
    hint = str(detail.get("ctx", {}).get("hint", ""))
    if detail["type"] in ("model_type", "dict_type"):
        return (
            place,
            f"{name}: {given} is no mapping",
            "write `name: value`, one a line, with spaces before it",
        )
    if hint:
        return place, f"{what}{given} is {message}", hint
    return place, f"{what}{message[:1].lower()}{message[1:]}, not {given}", ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else public_text(str(value))
