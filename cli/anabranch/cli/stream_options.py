"""Options and output that the commands on streams share."""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["SECONDS", "as_text", "emit_json", "topology_option", "with_bytes"]


class _Seconds(click.FloatRange):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value!r} is no length of time.", param, ctx)
        return seconds


SECONDS = _Seconds(min=0, min_open=True)
"""Of an option that says how long."""

_F = TypeVar("_F", bound=Callable[..., Any])


def topology_option(function: _F) -> _F:
    """``--topology URI``, or the environment variable ANABRANCH_TOPOLOGY."""
    return click.option(
        "--topology",
        required=True,
        envvar="ANABRANCH_TOPOLOGY",
        show_envvar=True,
        metavar="URI",
        help="Path or URI of the topology document.",
    )(function)


def as_text(data: bytes | None, limit: int | None = None) -> str:
    """Bytes for a person's eyes: one line, at most ``limit`` characters."""
    if data is None:
        return ""
    text = data.decode("utf-8", errors="backslashreplace")
    line = "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def with_bytes(name: str, data: bytes | None) -> dict[str, str | None]:
    """Bytes as a JSON field: ``name`` holds text where they are UTF-8, else ``name_base64`` holds them."""
    if data is None:
        return {name: None}
    try:
        return {name: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode("ascii")}


def emit_json(document: dict[str, Any]) -> None:
    """One object on one line of stdout."""
    # Else what the output's encoding lacks would be replaced, in data.
    in_ascii = not (sys.stdout.encoding or "").lower().startswith("utf")
    click.echo(json.dumps(document, ensure_ascii=in_ascii, separators=(",", ":")))
