"""A job: what it reads, what it computes, what it writes; built and run when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from anabranch.errors import ConfigurationError
from anabranch.pipelines.archive import Archive
from anabranch.pipelines.bindings import Read
from anabranch.pipelines.context import current_context
from anabranch.pipelines.function import Function, function_of
from anabranch.pipelines.places import caller
from anabranch.pipelines.records import columns_at
from anabranch.pipelines.table import Table, Write, names_of

__all__ = ["Job"]

# Of file systems and of Kafka's groups and topics; some of it is left for what is added to the name.
_LONGEST_NAME = 200
_SHOWN = 40

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Job:
    """A streaming job, described by its inputs, queries and outputs.

    Describing one starts nothing: not Flink, not a JVM. ``anabranch run`` runs it; so does :meth:`run`.

    Example::

        job = Job("training-results")
        logs = job.read("training-logs", Log)
        runs = job.sql(f"SELECT run, COUNT(*) AS records FROM {logs} GROUP BY run")
        runs.write("run-counts", key="run")

    Args:
        name: Stable for ever: checkpoints, consumer groups and ids carry it.
    """

    def __init__(self, name: str) -> None:
        _check_name(name)
        self.name = name
        self.reads: list[Read] = []
        self.queries: list[tuple[Table, Any]] = []
        self.writes: list[Write] = []
        self.archives: list[Archive] = []
        self.functions: list[Function[..., Any]] = []
        # A job stays in the run in which it was described.
        self._context = current_context()
        self._context.found(self)

    def read(
        self,
        stream: str,
        record: type,
        *,
        latest_by: str | Sequence[str] = (),
        name: str | None = None,
        format: str = "json",
        options: Mapping[str, str] | None = None,
    ) -> Table:
        """Reads a stream from all primaries; copies are dropped, bad records go to the dead letters.

        With ``latest_by`` the table has one row a key, that of the highest version from whatever primary; a
        newer record replaces it and a delete removes it, so that a count over the table goes down as well.

        Args:
            stream: Name in the topology document.
            record: A dataclass; its fields are the columns.
            latest_by: Columns that are the key of a stream of upserts, in the order of its ``write(key=…)``.
            name: Of the table; the stream's by default.
            format: Any format of Flink, such as ``json`` or ``avro``.
            options: Further options of the connector ``union``; ``{"key.format": "raw"}`` where keys are
                plain text.

        Raises:
            ConfigurationError: The record has not these columns, or they may be None; or the job writes
                the stream.
        """
        where = caller()
        read = Read(
            self._free(name or stream, where), stream, columns_at(where, record), format, where,
            options or {}, names_of(latest_by),
        )  # fmt: skip
        _check_key(read)
        for write in self.writes:
            self._check_no_loop(read, write, where)
        self.reads.append(read)
        return Table(self, read.name, where)

    def archive(
        self,
        stream: str,
        to: str | None = None,
        *,
        dedup: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Keeps a stream's raw records in Avro files, exactly once: all that the primaries have of each.

        Nothing is decoded, so no record class is needed and no record is bad. ``anabranch archive cat``
        reads the files; docs/archive.md says how they are laid out.

        Args:
            stream: Name in the topology document.
            to: Folder or URI, of any of Flink's file systems; that of the settings (``archive:`` in job.yaml)
                by default.
            dedup: Keep one of the copies of a record, whichever is read first. Without it each log is
                archived as it is, and needs no state.
            options: Further options of the connector ``union``, such as ``{"dedup.horizon": "8 d"}``.

        Raises:
            ConfigurationError: The job archives the stream already.
        """
        where = caller()
        if any(other.stream == stream for other in self.archives):
            raise ConfigurationError(
                f"{stream} is archived twice", where=where, hint="copy the files, or use another job"
            )
        chosen = {"dedup": str(dedup).lower(), **(options or {})}
        self.archives.append(Archive(stream, to, where, chosen))

    def sql(self, query: str, *, name: str | None = None) -> Table:
        """A query over other tables of the job, which an f-string names: ``FROM {logs}``."""
        return self._add(query, name, caller())

    def table(self, table: Any, *, name: str | None = None) -> Table:
        """Brings a PyFlink ``Table`` or ``DataStream`` into the job."""
        return self._add(table, name, caller())

    def function(self, python: Callable[_P, _R]) -> Function[_P, _R]:
        """Makes a Python function callable in SQL; a decorator. Its hints are its SQL types."""
        function = function_of(python, caller())
        self.functions.append(function)
        return function

    @property
    def session(self) -> Any:
        """The Flink environment of this run, started when it is first asked for."""
        return self._context.session(self)

    def explain(self) -> str:
        """Flink's plan of the whole job.

        Not in a process that then runs it: Flink numbers operators by a counter of the JVM, so what is
        planned second has other uids, and no checkpoint of another run fits it.
        """
        return self._context.explain(self)

    def run(self) -> None:
        """Runs it with settings from the environment and defaults, until it ends."""
        self._context.run(self)

    def add_write(self, write: Write) -> None:
        """Called by :meth:`Table.write`."""
        if any(other.stream == write.stream for other in self.writes):
            raise ConfigurationError(
                f"{write.stream} is written twice",
                where=write.where,
                hint="unite the two queries (UNION ALL), and give each branch its own `ordinal`:"
                " rows of one input have one id else",
            )
        for read in self.reads:
            self._check_no_loop(read, write, write.where)
        self.writes.append(write)

    def _check_no_loop(self, read: Read, write: Write, where: str) -> None:
        """What a job writes it would read again, without end."""
        if read.stream != write.stream or not self._is_one_document(read, write):
            return
        raise ConfigurationError(
            f"{write.stream} is read and written by one job, which would read its own rows again without end",
            where=where,
            hint="write to another stream of the topology document",
        )

    def _is_one_document(self, read: Read, write: Write) -> bool:
        """A stream of another topology may have the same name."""
        settings = self._context.settings
        source = {"topology": settings.topology, **read.options, **settings.inputs}
        return source["topology"] == write.options.get("topology", settings.topology)

    def _add(self, query: Any, name: str | None, where: str) -> Table:
        table = Table(self, self._free(name or f"query-{len(self.queries) + 1}", where), where)
        self.queries.append((table, query))
        return table

    def _free(self, name: str, where: str) -> str:
        if name in {read.name for read in self.reads} | {table.name for table, _ in self.queries}:
            raise ConfigurationError(f"the job has a table {name!r} already", where=where, hint="give name=…")
        return name


def _check_name(name: str) -> None:
    """It is that of a folder, too."""
    hint = None
    if not name or not all(letter.isalnum() or letter in "-_." for letter in name):
        hint = "letters, digits, '-', '_' and '.'"
    elif not name.strip("."):
        hint = "dots alone mean another folder"
    elif len(name.encode()) > _LONGEST_NAME:
        hint = f"{_LONGEST_NAME} bytes at most, which is {len(name.encode())}"
    if hint is not None:
        known = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
        raise ConfigurationError(f"{known!r} is no name for a job", where=caller(), hint=hint)


def _check_key(read: Read) -> None:
    fields = {column.name: column.type for column in read.columns if column.metadata is None}
    for name in read.key:
        if name not in fields:
            raise ConfigurationError(
                f"there is no column {name!r}", where=read.where, hint=f"columns: {', '.join(fields)}"
            )
        if not fields[name].endswith(" NOT NULL"):
            raise ConfigurationError(
                f"the key {name!r} may be None", where=read.where, hint="leave `| None` out of its hint"
            )
