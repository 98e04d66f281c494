"""What is said of a text that is no YAML, and of which of its lines."""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml
from yaml.reader import ReaderError

__all__ = ["NotYaml", "look_into"]

# The parser finds out only where the next line goes on, or at the end; its context is where it began.
_FOUND_LATER = ("could not find expected ':'", "found unexpected end of stream")
# As above, but without a context: it took the line before for the first words of this line's key.
_ONE_COLON_TOO_MANY = "mapping values are not allowed here"
_BRACKETS = ((yaml.FlowMappingStartToken, "}"), (yaml.FlowSequenceStartToken, "]"))
_ONE_TEXT_TOO_MANY = "expected <block end>, but found '<scalar>'"
_NAME = re.compile(r":(\s|$)")
_LOOK = "check indentation and quotes"


class NotYaml(NamedTuple):
    """A parser's error for a person; ``line`` counts from 1 and is None where none is known."""

    line: int | None
    problem: str
    hint: str


def look_into(error: yaml.YAMLError, text: str) -> NotYaml:
    """Finds the line to be mended, which is not always the one at which the parser gave up.

    Args:
        error: The parser's.
        text: What it was given.
    """
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return NotYaml(line, f"not YAML: {error.reason}", "remove the character that cannot be seen there")
    problem = getattr(error, "problem", None) or "cannot be read"
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return NotYaml(None, f"not YAML: {problem}", _LOOK)
    line, hint = _place(problem, mark, getattr(error, "context_mark", None) or mark, text)
    return NotYaml(line + 1, f"not YAML: {problem}", hint)


def _place(problem: str, mark: yaml.Mark, context: yaml.Mark, text: str) -> tuple[int, str]:
    """The line, from 0, and what to do there."""
    if problem in _FOUND_LATER:
        return context.line, _LOOK
    lines = text.splitlines()
    before = _tokens_before(mark, text)
    opened = _open_bracket(before)
    if opened is not None and _is_behind(mark.line, opened[0], lines):
        return opened[0], f"what is opened in this line lacks its '{opened[1]}'"
    if problem == _ONE_COLON_TOO_MANY:
        above = lines[mark.line - 1].partition("#")[0] if mark.line else ""
        if above.strip() and not _NAME.search(above) and not _NAME.search(lines[mark.line][: mark.column]):
            return mark.line - 1, "a ':' and a space are to stand between a name and its value"
        return mark.line, f"{_LOOK} in this line, and whether the one before lacks a ':'"
    if problem == _ONE_TEXT_TOO_MANY and _is_long_quote(before[-1]):
        return before[-1].start_mark.line, "the text in quotes that begins in this line ends further down"
    return mark.line, _LOOK


def _tokens_before(mark: yaml.Mark, text: str) -> list[yaml.Token]:
    """Those that the parser took before it gave up there."""
    found: list[yaml.Token] = []
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if token.start_mark.index >= mark.index and found:
                break
            found.append(token)
    except yaml.YAMLError:  # there
        pass
    return found


def _open_bracket(tokens: list[yaml.Token]) -> tuple[int, str] | None:
    """Line of the innermost bracket that is not closed, and what would close it."""
    opened: list[tuple[int, str]] = []
    for token in tokens:
        opened += [(token.start_mark.line, close) for kind, close in _BRACKETS if isinstance(token, kind)]
        if isinstance(token, yaml.FlowMappingEndToken | yaml.FlowSequenceEndToken) and opened:
            opened.pop()
    return opened[-1] if opened else None


def _is_behind(line: int, opened: int, lines: list[str]) -> bool:
    """Whether the brackets must have ended before: it is the end, or no deeper than the opening line."""
    return line > opened and (line >= len(lines) or _depth(lines[line]) <= _depth(lines[opened]))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_long_quote(token: yaml.Token) -> bool:
    quoted = isinstance(token, yaml.ScalarToken) and token.style in ("'", '"')
    return quoted and bool(token.start_mark.line < token.end_mark.line)
