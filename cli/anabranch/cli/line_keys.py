"""How `anabranch produce` finds the Kafka key of a line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from anabranch.errors import ConfigurationError

__all__ = ["Split", "splitter"]

Split = Callable[[bytes, int], tuple[bytes | None, bytes]]
"""From a line and its number to key and value; raises ConfigurationError where the line has no key."""

# Half a surrogate pair, what takes a whole one, and control characters that have no short escape: each JSON
# writer has its own way.
_WRITTEN_DIFFERENTLY = re.compile(r"[\x00-\x07\x0b\x0e-\x1f\ud800-\udfff\U00010000-\U0010ffff]")


def splitter(fields: str | None, separator: str | None, *, upsert: bool) -> Split:
    """Makes of the options what takes lines apart.

    Args:
        fields: Of ``--key``.
        separator: Of ``--key-separator``.
        upsert: The key is JSON of the fields, as jobs write it, rather than the text of one.

    Raises:
        click.UsageError: The options do not go together.
    """
    if fields is not None and separator is not None:
        raise click.UsageError("--key and --key-separator exclude each other")
    if upsert:
        if fields is None:
            raise click.UsageError("--upsert needs --key FIELD: the key by which the newest record counts")
        names = fields.split(",")
        return lambda line, number: (_upsert_key(line, names, number), line)
    if fields is not None:
        return lambda line, number: (_field_key(line, fields, number), line)
    if separator is not None:
        if not separator:
            raise click.UsageError("--key-separator is empty; give the text that ends each line's key")
        encoded = os.fsencode(separator)
        return lambda line, number: _before(line, encoded, number)
    return lambda line, number: (None, line)


def _field_key(line: bytes, name: str, number: int) -> bytes:
    field = _field(line, name, number)
    return field.encode() if isinstance(field, str) else json.dumps(field, separators=(",", ":")).encode()


def _upsert_key(line: bytes, names: Sequence[str], number: int) -> bytes:
    """The bytes that Flink's JSON format makes of these columns; with others it would be another key."""
    key = {name: _field(line, name, number) for name in names}
    for name, value in key.items():
        same = isinstance(value, int) or (isinstance(value, str) and not _WRITTEN_DIFFERENTLY.search(value))
        if not same:
            raise ConfigurationError(
                f"field '{name}' is no key: jobs may write {json.dumps(value)[:60]} in another way",
                where=f"line {number}",
                hint="use text, whole numbers or true and false as keys",
            )
    return json.dumps(key, ensure_ascii=False, separators=(",", ":")).encode()


def _field(line: bytes, name: str, number: int) -> object:
    where = f"line {number}"
    try:
        fields: Any = json.loads(line, object_pairs_hook=_Fields)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            "this is not JSON", where=where, hint="correct the line, or give its key by --key-separator"
        ) from error
    times = fields.names.count(name) if isinstance(fields, _Fields) else 0
    if times > 1:
        raise ConfigurationError(
            f"field '{name}' is there {times} times, and readers differ in which one counts",
            where=where,
            hint="correct the line",
        )
    if times == 0:
        several = "; a key of several fields is one of --upsert" if "," in name else ""
        raise ConfigurationError(
            f"there is no field '{name}' in this line's JSON",
            where=where,
            hint=f"correct the line, or --key{several}",
        )
    field: object = fields[name]
    if field is None:
        raise ConfigurationError(
            f"field '{name}' is no key: it is null", where=where, hint="correct the line, or --key"
        )
    return field


class _Fields(dict[str, Any]):
    """A JSON object that remembers which names are written, as often as they are."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.names = [name for name, _ in pairs]


def _before(line: bytes, separator: bytes, number: int) -> tuple[bytes, bytes]:
    key, found, value = line.partition(separator)
    if not found:
        raise ConfigurationError(
            f"there is no {os.fsdecode(separator)!r} in this line",
            where=f"line {number}",
            hint="correct the line, or --key-separator",
        )
    return key, value
