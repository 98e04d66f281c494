"""Reading a job's YAML, with the line of each value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from anabranch.errors import ConfigurationError
from anabranch.pipelines.layers import Layer
from anabranch.pipelines.places import shown
from anabranch.pipelines.retained import LATEST
from anabranch.pipelines.settings import Settings
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
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot be read: {error}", where=str(path)) from None
    except yaml.YAMLError as error:
        line, problem, hint = look_into(error, text)
        place = shown(str(path), line) if line else str(path)
        raise ConfigurationError(problem, where=place, hint=hint) from None
    values: dict[tuple[str, ...], Any] = {}
    sources: dict[tuple[str, ...], str] = {}
    if node is not None:
        if not isinstance(node, yaml.MappingNode):
            raise ConfigurationError("is no mapping", where=shown(str(path), 1), hint="write `name: value`")
        _gather(node, (), path, values, sources)
    relative: tuple[tuple[str, ...], ...] = (("topology",), ("checkpoints", "dir"), ("restore",))
    for name in relative:
        if isinstance(values.get(name), str) and ":" not in values[name] and values[name] != LATEST:
            values[name] = str((path.parent / values[name]).resolve())
    return Layer(values, sources)


def _gather(
    node: yaml.MappingNode,
    above: tuple[str, ...],
    path: Path,
    values: dict[tuple[str, ...], Any],
    sources: dict[tuple[str, ...], str],
) -> None:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), key_node.start_mark.line + 1
        if key in seen:
            raise ConfigurationError(
                f"'{key}' is there twice, first in line {seen[key]}",
                where=shown(str(path), line),
                hint="keep one",
            )
        seen[key] = line
        here = (*above, key)
        sources[here] = shown(str(path), line)
        # Flink's options have dots in their keys and are one level deep; nothing else is a free mapping.
        if isinstance(value_node, yaml.MappingNode) and value_node.value:
            _gather(value_node, here, path, values, sources)
        else:
            values[here] = yaml.safe_load(yaml.serialize(value_node))
