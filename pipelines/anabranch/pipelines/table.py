"""A table of a job: what was read, or what a query gives; read on, or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from anabranch.errors import ConfigurationError
from anabranch.pipelines.places import caller
from anabranch.pipelines.records import Column, columns_at
from anabranch.pipelines.sql_types import quote

if TYPE_CHECKING:
    from anabranch.pipelines.job import Job

__all__ = ["Table", "Write", "names_of"]


@dataclass(frozen=True)
class Write:
    """One output of a job.

    Attributes:
        source: Name of the view that is written.
        stream: Where to.
        columns: Of the record class; None takes them from the query.
        key: Columns of the upsert key; empty for appends.
        ids: Columns that ids of appends are made of, or ``none``; None derives them from the input's id.
        format: Of the value.
        options: Further options of the connector.
        where: Line of the job that asked for it.
    """

    source: str
    stream: str
    columns: tuple[Column, ...] | None
    key: tuple[str, ...]
    ids: tuple[str, ...] | None
    format: str
    where: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the sink's table, and of the output in ids and operator uids."""
        return f"to-{self.stream}"


class Table:
    """A named table of a job. Nothing runs until the job does.

    In an f-string it is its quoted name: ``job.sql(f"SELECT run FROM {logs}")``.
    """

    def __init__(self, job: Job, name: str, where: str) -> None:
        self._job = job
        self.name = name
        self.where = where

    def __str__(self) -> str:
        return quote(self.name)

    def to_table(self) -> Any:
        """PyFlink's ``Table`` of it; starts Flink's environment. Bring one back by ``job.table(…)``."""
        return self._job.session.table(self.name)

    def to_stream(self) -> Any:
        """PyFlink's ``DataStream`` of it (appends only); starts Flink's environment."""
        return self._job.session.to_stream(self.name)

    def write(
        self,
        stream: str,
        record: type | None = None,
        *,
        key: str | Sequence[str] = (),
        ids: str | Sequence[str] | None = None,
        format: str = "json",
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Writes it to a stream through Prism.

        Args:
            stream: Name in the topology document.
            record: Class whose fields are written; None writes the query's columns.
            key: Makes each row an upsert of this key. It must be what the query is unique by.
            ids: For appends: columns that identify a row, or ``"none"``. Without it ids are derived from
                the input's, which the record class must have (``Metadata("record-id")``).
            format: Any format of Flink, such as ``json`` or ``avro``.
            options: Further options of the connector ``prism``.

        Raises:
            ConfigurationError: Key or ids do not fit, or the job reads the stream or writes it already.
        """
        where = caller()
        columns = None if record is None else columns_at(where, record)
        write = Write(
            self.name, stream, columns, names_of(key), None if ids is None else names_of(ids),
            format, where, options or {},
        )  # fmt: skip
        _check(write)
        self._job.add_write(write)


def names_of(names: str | Sequence[str]) -> tuple[str, ...]:
    """One column or several, as calls take them."""
    return (names,) if isinstance(names, str) else tuple(names)


def _check(write: Write) -> None:
    if write.key and write.ids is not None:
        raise ConfigurationError(
            "an upsert has a version, not an id", where=write.where, hint="give key= or ids=, not both"
        )
    if write.columns is None:
        known = None
    else:
        known = [column.name for column in write.columns if column.metadata is None]
    for name in (*write.key, *(write.ids or ())):
        if known is not None and name not in known and write.ids != ("none",):
            raise ConfigurationError(
                f"there is no column {name!r}", where=write.where, hint=f"columns: {', '.join(known)}"
            )
    has_id = any(column.metadata == "record-id" for column in write.columns or ())
    if not write.key and write.ids is None and not has_id:
        raise ConfigurationError(
            f"appending to {write.stream} needs ids that are the same after a restore",
            where=write.where,
            hint='choose: a field Annotated[bytes, Metadata("record-id")] that holds the input\'s id; '
            'ids=("column", …) that identify a row; or ids="none" (a restore may then write twice); '
            "or key=… to upsert",
        )
