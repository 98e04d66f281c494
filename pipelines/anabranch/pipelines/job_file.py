"""Reading a job's YAML, with the line of each value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from anabranch.errors import ConfigurationError
from anabranch.pipelines.layers import Layer
from anabranch.pipelines.places import shown
from anabranch.pipelines.retained import LATEST
from anabranch.pipelines.sensitive import told
from anabranch.pipelines.settings import Settings
from anabranch.pipelines.uris import is_uri
from anabranch.topology.not_yaml import look_into

__all__ = ["file_layer", "job_schema"]


def job_schema() -> str:
    """The JSON Schema of a job file."""
    schema = Settings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "anabranch job"
    return json.dumps(schema, indent=2) + "\n"


def file_layer(path: Path) -> Layer:
    """The values of a job file; relative paths in it are relative to it.

    Raises:
        ConfigurationError: It cannot be read, is no YAML, or says something twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=str(path)) from None
    gathered = _Gathered(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise ConfigurationError("is no mapping", where=shown(str(path), 1), hint="write `name: value`")
        if node is not None:
            gathered.take(node, ())
    except yaml.YAMLError as error:
        line, problem, hint = look_into(error, text)
        place = shown(str(path), line) if line else str(path)
        raise ConfigurationError(problem, where=place, hint=hint) from None
    except RecursionError:
        raise ConfigurationError("is nested too deep", where=str(path), hint="write it flat") from None
    values = gathered.values
    for name in _PATHS:
        given = values.get(name)
        if isinstance(given, str) and given != LATEST and not is_uri(given):
            # Links stay: what a mounted ConfigMap shows is one, and is turned at each change.
            values[name] = str((path.parent / given).absolute())
    return Layer(values, gathered.sources, gathered.problems)


_PATHS: tuple[tuple[str, ...], ...] = (
    ("topology",),
    ("inputs", "topology"),
    ("checkpoints", "dir"),
    ("restore",),
)
# What PyYAML makes of `!!int x`, `!!timestamp 4`, `!!bool 1` and a number of 5,000 digits.
_UNREADABLE = (ValueError, AttributeError, LookupError, TypeError, OverflowError)


class _Gathered:
    """What the file says, by path, and what it says twice."""

    def __init__(self, path: Path) -> None:
        self.values: dict[tuple[str, ...], Any] = {}
        self.sources: dict[tuple[str, ...], str] = {}
        self.problems: list[tuple[str, str, str]] = []
        self._path = path
        self._open: list[yaml.Node] = []  # the mapping that is being taken, and those around it

    def take(self, node: yaml.MappingNode, above: tuple[str, ...]) -> None:
        seen: dict[str, int] = {}
        self._open.append(node)
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            here, place = (*above, key), shown(str(self._path), line)
            if key in seen:
                self.problems.append(
                    (place, f"'{key}' is there twice, first in line {seen[key]}", "keep one")
                )
                continue
            seen[key] = line
            self.sources[here] = place
            if any(value_node is each for each in self._open):
                self.problems.append((place, f"'{key}' holds itself", "write out what the alias stands for"))
                continue
            # Flink's options have dots in their keys and are one level deep; nothing else is a free mapping.
            if isinstance(value_node, yaml.MappingNode) and value_node.value:
                self.take(value_node, here)
            else:
                self._construct(value_node, here)
        self._open.pop()

    def _construct(self, node: yaml.Node, here: tuple[str, ...]) -> None:
        try:
            self.values[here] = _constructed(node)
        except _UNREADABLE:
            path, wrong = next(_unreadable(node, here), (here, node))
            name = ".".join(path)
            what = f"{name}: {told(name, wrong.value)} is no {wrong.tag.rpartition(':')[2]}"
            place = shown(str(self._path), wrong.start_mark.line + 1)
            self.problems.append((place, what, "put quotes around it if it is meant as text"))


def _constructed(node: yaml.Node) -> Any:
    # Each by a loader of its own: one that failed takes the same node, by an alias, for one within itself.
    return yaml.SafeLoader("").construct_object(node, deep=True)


def _unreadable(node: yaml.Node, here: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], yaml.Node]]:
    """The values in a node that look like a number or a date, or are tagged as one, and are none."""
    if isinstance(node, yaml.ScalarNode):
        try:
            _constructed(node)
        except _UNREADABLE:
            yield here, node
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _unreadable(each, here)
    else:
        for key, value in node.value:
            yield from _unreadable(key, here)
            yield from _unreadable(value, (*here, str(key.value)))
