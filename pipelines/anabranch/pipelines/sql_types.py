"""From Python type hints to SQL types."""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Union, get_args, get_origin

from anabranch.errors import ConfigurationError

__all__ = ["VALID_HINTS", "SqlType", "quote", "sql_type", "unwrap"]

_SCALARS: dict[object, str] = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    str: "STRING",
    bytes: "BYTES",
    datetime: "TIMESTAMP_LTZ(3)",
    date: "DATE",
    # The widest that Flink has, half of it behind the point; money and scores fit, `Annotated` tells else.
    Decimal: "DECIMAL(38, 18)",
}

_FieldsOf = Callable[[type], list[tuple[str, Any]]]

VALID_HINTS = (
    "bool, int, float, str, bytes, datetime, date, Decimal, list[T], dict[K, V], another record, "
    "each with `| None` where it may be missing, or Annotated[T, SqlType('…')]"
)


class SqlType:
    """An SQL type to use in place of the one that the hint stands for.

    Example:
        ``price: Annotated[Decimal, SqlType("DECIMAL(12, 2)")]``
    """

    def __init__(self, text: str) -> None:
        self.text = text


def quote(name: str) -> str:
    """An SQL identifier in back quotes; needed for `key`, `value`, `minute` and many more."""
    return "`" + name.replace("`", "``") + "`"


def unwrap(hint: Any) -> tuple[Any, bool, tuple[Any, ...]]:
    """A hint without ``None`` and annotations; whether it had ``None``; its annotations."""
    optional, marks = False, ()
    while True:
        members = get_args(hint)
        if get_origin(hint) is Annotated:
            hint, marks = members[0], (*marks, *members[1:])
        elif get_origin(hint) in (Union, types.UnionType) and type(None) in members:
            rest = [member for member in members if member is not type(None)]
            hint, optional = functools.reduce(operator.or_, rest), True
        else:
            return hint, optional, marks


def sql_type(hint: Any, where: str, fields_of: _FieldsOf) -> str:
    """The SQL type of a hint, with ``NOT NULL`` unless it allows ``None``.

    Args:
        hint: As written, with its annotations.
        where: ``Class.field``, for errors.
        fields_of: Names and hints of a nested record.

    Raises:
        ConfigurationError: There is no SQL type for it.
    """
    core, optional, marks = unwrap(hint)
    chosen = next((mark.text for mark in marks if isinstance(mark, SqlType)), None)
    text = chosen or _text(core, where, fields_of)
    return text if optional else f"{text} NOT NULL"


def _text(core: Any, where: str, fields_of: _FieldsOf) -> str:
    if core in _SCALARS:
        return _SCALARS[core]
    arguments = get_args(core)
    if get_origin(core) is list:
        return f"ARRAY<{sql_type(arguments[0], where, fields_of)}>"
    if get_origin(core) is dict:
        return f"MAP<{', '.join(sql_type(argument, where, fields_of) for argument in arguments)}>"
    if isinstance(core, type) and is_dataclass(core):
        inside = (
            f"{quote(name)} {sql_type(inner, f'{where}.{name}', fields_of)}"
            for name, inner in fields_of(core)
        )
        return f"ROW<{', '.join(inside)}>"
    raise ConfigurationError(
        f"there is no SQL type for {_name(core)}", where=where, hint=f"valid: {VALID_HINTS}"
    )


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
