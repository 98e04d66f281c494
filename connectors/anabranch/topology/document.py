"""From the text of a document to a :class:`Topology`, with line numbers in every error.

YAML is read as its JSON subset of types (``true``, not ``yes``; ``8``, not ``010``), also where a value is
tagged with its type, so that Python and Java never read one text in two ways. A key that occurs twice is an
error, not the last one's win.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

import yaml
from pydantic import ValidationError

from anabranch.errors import TopologyError
from anabranch.topology.model import Topology
from anabranch.topology.not_yaml import look_into
from anabranch.topology.partial import problems_between
from anabranch.topology.problems import error_of, problems_in
from anabranch.topology.rules import Path, Problem

__all__ = ["compose", "dump_topology", "parse_topology"]

_Lines = dict[Path, int]

# A document nests seven deep; aliases could make it endless.
_MAX_DEPTH = 20
_MAX_NODES = 100_000


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars as JSON does."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  (PyYAML's own form)


_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_FORMS: dict[str, re.Pattern[str]] = {}  # of the values of each tag, but for text

for _name, _form, _first in (
    ("bool", r"true|false", "tf"),
    ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)", "-0123456789"),
    ("null", r"null|~|", ["n", "~", ""]),
):
    _FORMS[_TAG + _name] = re.compile(rf"^(?:{_form})\Z")
    _Loader.add_implicit_resolver(_TAG + _name, _FORMS[_TAG + _name], list(_first))


def parse_topology(text: str, where: str = "topology") -> Topology:
    """Reads a document, YAML or JSON.

    Args:
        text: The whole document.
        where: Its path or URI, for errors.

    Raises:
        TopologyError: All that is wrong with it, each problem with its line.
    """
    data, lines, problems = _load(text, where)
    try:
        topology = Topology.model_validate(data)
    except ValidationError as error:
        problems += problems_in(error)
        if not any(detail["type"] == "rules" for detail in error.errors(include_url=False)):
            problems += problems_between(data)
    else:
        if not problems:
            return topology
    # Outside the except clause: the validation error holds the input, and the input may hold a secret.
    raise error_of(problems, lines, where)


def dump_topology(topology: Topology) -> str:
    """Writes a document as YAML; reading it again gives an equal value."""
    data = topology.model_dump(mode="json", exclude_defaults=True)
    for group, name, primary in topology.primaries():
        entry = data["groups"][group]["primaries"][name]
        if "auth" in entry:
            # The type is a default of its model, so it was left out with the defaults.
            entry["auth"] = {"type": primary.auth.type, **entry["auth"]}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def compose(text: str) -> yaml.MappingNode:
    """The YAML nodes of a valid document, with their places in the text."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise TopologyError("the document is not a mapping")
        return node
    finally:
        loader.dispose()


def _load(text: str, where: str) -> tuple[Any, _Lines, list[Problem]]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise TopologyError(
                "the document is empty" if node is None else "the document is not a mapping",
                where=where,
                hint="it begins with `generation: 1`; see docs/topology.md",
            )
        builder = _Builder(loader)
        data = builder.build(node, ())
    except RecursionError:
        raise TopologyError("not YAML: nests too deep", where=where, hint="see docs/topology.md") from None
    except yaml.YAMLError as error:
        line, problem, hint = look_into(error, text)
        raise TopologyError(problem, where=f"{where}:{line}" if line else where, hint=hint) from None
    finally:
        loader.dispose()
    return data, builder.lines, builder.problems


class _Builder:
    """Makes plain values of nodes, and notes the line of each path on the way."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._left = _MAX_NODES
        self.lines: _Lines = {}
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._left -= 1
        if len(path) > _MAX_DEPTH or self._left < 0:
            raise yaml.MarkedYAMLError(problem="nests too deep or is too large", problem_mark=node.start_mark)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*path, index)) for index, child in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return node.value if node.tag == _TEXT else self._plain(node)

    def _plain(self, node: yaml.Node) -> Any:
        form = _FORMS.get(node.tag)
        if form is not None and form.match(node.value):
            # A number of 5,000 digits is more than Python takes.
            with contextlib.suppress(ValueError):
                return self._loader.construct_object(node)
        kind = node.tag.rpartition(":")[2]
        # Without the value, which may be a secret.
        problem = f"what stands here cannot be read as {kind}"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key_node.start_mark)
            key = str(key_node.value)
            place = (*path, key)
            if key in data:
                self.problems.append(
                    Problem(place, f"is there twice, first in line {self.lines[place]}", "keep one")
                )
            self.lines[place] = key_node.start_mark.line + 1
            data[key] = self.build(value_node, place)
        return data
