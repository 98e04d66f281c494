"""Typed records: a dataclass is the schema of a stream.

::

    @dataclass(frozen=True)
    class Log:
        run: str
        time_ms: int
        value: str | None
        id: Annotated[bytes, Metadata("record-id")]
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any, get_type_hints

from anabranch.errors import ConfigurationError
from anabranch.pipelines.sql_types import sql_type, unwrap

__all__ = ["Column", "Metadata", "Name", "columns_at", "columns_of", "fields_of"]


class Metadata:
    """Marks a field that is not in the record's value but known about it.

    Args:
        key: ``primary``, ``topic``, ``partition``, ``offset``, ``timestamp``, ``headers``, ``key``,
            ``record-id``, ``version`` or ``value-hash``.
    """

    def __init__(self, key: str) -> None:
        self.key = key


class Name:
    """Gives a field another name in SQL and in the record: ``klass: Annotated[str, Name("class")]``."""

    def __init__(self, text: str) -> None:
        self.text = text


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Not quoted.
        type: In SQL, with ``NOT NULL`` where that holds.
        metadata: Key of the metadata that it shows; None for a field of the value.
    """

    name: str
    type: str
    metadata: str | None = None


@lru_cache
def columns_of(record: type) -> tuple[Column, ...]:
    """The columns of a record class, in the order of its fields.

    Raises:
        ConfigurationError: It is no dataclass, or a field's type has no SQL type.
    """
    if not isinstance(record, type) or not is_dataclass(record):
        raise ConfigurationError(
            f"{getattr(record, '__name__', record)!s} is not a record",
            hint="put @dataclass(frozen=True) above the class",
        )
    found = tuple(_column(record.__name__, name, hint) for name, hint in fields_of(record))
    if not any(column.metadata is None for column in found):
        raise ConfigurationError(
            "has no field of its own", where=record.__name__, hint="give it at least one without Metadata"
        )
    return found


def columns_at(where: str, record: type) -> tuple[Column, ...]:
    """The columns of a record class; errors begin with the line that asked for it."""
    try:
        return columns_of(record)
    except ConfigurationError as error:
        place = where if error.where is None else f"{where}: {error.where}"
        raise ConfigurationError(error.message, where=place, hint=error.hint) from None


def fields_of(record: type) -> list[tuple[str, Any]]:
    """Names and resolved hints of a dataclass's fields."""
    try:
        hints = get_type_hints(record, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f"a type hint names {error.name!r}, which is not known there",
            where=record.__name__,
            hint="define records at the top of the module, and import their types at run time",
        ) from None
    return [(field.name, hints[field.name]) for field in fields(record)]


def _column(record: str, name: str, hint: Any) -> Column:
    _, _, marks = unwrap(hint)
    metadata = next((mark.key for mark in marks if isinstance(mark, Metadata)), None)
    shown = next((mark.text for mark in marks if isinstance(mark, Name)), name)
    return Column(shown, sql_type(hint, f"{record}.{name}", fields_of), metadata)
