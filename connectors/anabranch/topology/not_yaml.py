"""What is said of a text that is no YAML, and of which of its lines."""

from __future__ import annotations

from typing import NamedTuple

import yaml

__all__ = ["NotYaml", "look_into"]

# The parser finds out only where the next line goes on, or at the end; its context is where it began.
_FOUND_LATER = ("could not find expected ':'", "found unexpected end of stream")
# As above, but without a context: it took the line before for the first words of this line's key.
_ONE_COLON_TOO_MANY = "mapping values are not allowed here"


class NotYaml(NamedTuple):
    """A parser's error for a person; ``line`` counts from 1 and is None where none is known."""

    line: int | None
    problem: str
    hint: str


def look_into(error: yaml.YAMLError) -> NotYaml:
    """Finds the line to be mended, which is not always the one at which the parser gave up."""
    problem = getattr(error, "problem", None) or "cannot be read"
    mark = getattr(error, "problem_mark", None)
    hint = "check indentation and quotes"
    if problem in _FOUND_LATER:
        mark = getattr(error, "context_mark", None) or mark
    elif problem == _ONE_COLON_TOO_MANY:
        hint = "check indentation and quotes in this line, and whether the one before lacks a ':'"
    return NotYaml(mark.line + 1 if mark else None, f"not YAML: {problem}", hint)
