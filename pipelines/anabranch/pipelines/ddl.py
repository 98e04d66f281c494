"""From reads and writes to ``CREATE TEMPORARY TABLE`` and ``INSERT INTO``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anabranch.pipelines.records import Column
from anabranch.pipelines.sql_types import quote

__all__ = ["create_table", "insert_into"]


def create_table(
    name: str,
    columns: Sequence[Column],
    options: Mapping[str, str],
    *,
    key: Sequence[str] = (),
    written: bool = False,
) -> str:
    """A table over a connector.

    Args:
        name: Not quoted.
        columns: In the order of the table.
        options: Of the connector.
        key: Columns of the primary key; empty for none.
        written: Whether metadata columns are written; otherwise they are virtual.
    """
    lines = [_column(column, written) for column in columns]
    if key:
        lines.append(f"PRIMARY KEY ({', '.join(map(quote, key))}) NOT ENFORCED")
    pairs = [f"{_text(option)} = {_text(value)}" for option, value in options.items()]
    return (
        f"CREATE TEMPORARY TABLE {quote(name)} (\n  "
        + ",\n  ".join(lines)
        + "\n) WITH (\n  "
        + ",\n  ".join(pairs)
        + "\n)"
    )


def insert_into(sink: str, columns: Sequence[Column], source: str) -> str:
    """Moves columns by their names, whatever their order in the query."""
    names = ", ".join(quote(column.name) for column in columns)
    return f"INSERT INTO {quote(sink)} ({names}) SELECT {names} FROM {quote(source)}"  # noqa: S608  (quoted)


def _column(column: Column, written: bool) -> str:
    if column.metadata is None:
        return f"{quote(column.name)} {column.type}"
    virtual = "" if written else " VIRTUAL"
    return f"{quote(column.name)} {column.type} METADATA FROM {_text(column.metadata)}{virtual}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
