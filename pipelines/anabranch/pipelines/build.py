"""From a described job to statements of a Flink session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anabranch.connectors.flink.session import FlinkSession
from anabranch.errors import ConfigurationError
from anabranch.pipelines.bindings import Binding
from anabranch.pipelines.ddl import insert_into
from anabranch.pipelines.failures import told_at
from anabranch.pipelines.records import Column
from anabranch.pipelines.shipping import own_modules
from anabranch.pipelines.table import Write
from anabranch.topology.rules import did_you_mean

if TYPE_CHECKING:
    from anabranch.pipelines.job import Job

__all__ = ["Builder"]


class Builder:
    """Defines what a job describes, each thing once, however often it is asked.

    Args:
        job: Its description, which may still grow.
        session: Called when the first thing is defined.
        binding: What reads and writes are bound to.
        traces: Folder of full traces.
    """

    def __init__(self, job: Job, session: Callable[[], FlinkSession], binding: Binding, traces: Path) -> None:
        self._job = job
        self._start = session
        self._binding = binding
        self._traces = traces
        self._session: FlinkSession | None = None
        self._defined: set[str] = set()

    @property
    def session(self) -> FlinkSession:
        """The session with all that the job has described so far."""
        with told_at(None, self._traces):
            self._session = self._session or self._start()
        self._define(self._session)
        return self._session

    def check_complete(self) -> None:
        """Starts nothing.

        Raises:
            ConfigurationError: The job writes and archives nothing, or an archive has no place.
        """
        if not (self._job.writes or self._job.archives):
            raise ConfigurationError(
                f"job {self._job.name} writes nothing", hint='end it with .write("stream", key=…)'
            )
        for archive in self._job.archives:
            self._binding.archive(archive)

    def insert_all(self) -> FlinkSession:
        """Adds every write and archive; called once, when the description is complete."""
        session = self.session
        for write in self._job.writes:
            with told_at(write.where, self._traces):
                self._insert(session, write)
        for archive in self._job.archives:
            archiving = self._binding.archive(archive)
            if archiving is not None:
                with told_at(archive.where, self._traces):
                    session.archive(archiving.options, archiving.place)
        return session

    def _define(self, session: FlinkSession) -> None:
        for function in self._job.functions:
            if self._is_new(f"function {function.name}"):
                with told_at(function.where, self._traces):
                    types = function.signature
                    session.register_function(
                        function.name, function.python, types.arguments, types.result,
                        by_value=own_modules(function.python),
                    )  # fmt: skip
        for read in self._job.reads:
            if self._is_new(read.name):
                with told_at(read.where, self._traces):
                    session.execute(self._binding.source(read))
        for table, query in self._job.queries:
            if self._is_new(table.name):
                with told_at(table.where, self._traces):
                    session.create_view(table.name, query)

    def _insert(self, session: FlinkSession, write: Write) -> None:
        found = _columns(session, write)
        columns = write.columns or found
        columns = tuple(_not_null(column) if column.name in write.key else column for column in columns)
        names = [column.name for column in found]
        missing = sorted({*write.key, *(column.name for column in columns)} - set(names))
        if missing:
            raise ConfigurationError(
                f"the query has no column {', '.join(missing)}",
                where=write.where,
                hint=f"{did_you_mean(missing[0], names)} columns: {', '.join(names)}".lstrip(),
            )
        session.execute(self._binding.sink(write, columns))
        session.insert(insert_into(write.name, columns, write.source))

    def _is_new(self, name: str) -> bool:
        if name in self._defined:
            return False
        self._defined.add(name)
        return True


def _columns(session: Any, write: Write) -> tuple[Column, ...]:
    return tuple(Column(column.name, column.type) for column in session.columns(write.source))


def _not_null(column: Column) -> Column:
    return column if column.type.endswith(" NOT NULL") else replace(column, type=f"{column.type} NOT NULL")
