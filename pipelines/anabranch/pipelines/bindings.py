"""What a job's reads and writes are bound to: streams of a topology, or files in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from anabranch.errors import ConfigurationError
from anabranch.pipelines.archive import Archive, archive_place
from anabranch.pipelines.ddl import create_table
from anabranch.pipelines.inputs import is_of_source
from anabranch.pipelines.records import Column
from anabranch.pipelines.settings import Settings
from anabranch.pipelines.table import Write
from anabranch.pipelines.uris import file_uri, is_uri

__all__ = ["Archiving", "Binding", "Read", "StreamBinding", "Use"]

# Names a stream beside the one that is read or written.
_ASIDE = "dead-letters"


@dataclass(frozen=True)
class Read:
    """One input of a job.

    Attributes:
        name: Of the table.
        stream: Where from.
        columns: Of the record class.
        format: Of the value.
        where: Line of the job that asked for it.
        options: Further options of the connector.
        key: Columns of the key whose newest record counts; empty where each record does.
    """

    name: str
    stream: str
    columns: tuple[Column, ...]
    format: str
    where: str
    options: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Use:
    """A stream that a job reads or writes.

    Attributes:
        topology: Path or URI of the document that must have it.
        stream: Its name.
        where: What asks for it: a line of the job, or ``dead_letters`` or ``inputs.…`` of its settings.
    """

    topology: str
    stream: str
    where: str


@dataclass(frozen=True)
class Archiving:
    """An archive as Flink gets it.

    Attributes:
        options: Of the connector ``union``.
        place: URI of the folder.
    """

    options: Mapping[str, str]
    place: str


class Binding(Protocol):
    """Called once per read, write and archive while a job is built."""

    def source(self, read: Read) -> str:
        """The ``CREATE TEMPORARY TABLE`` of an input."""
        ...

    def sink(self, write: Write, columns: Sequence[Column]) -> str:
        """The ``CREATE TEMPORARY TABLE`` of an output."""
        ...

    def archive(self, archive: Archive) -> Archiving | None:
        """Where a stream's raw records come from and go to; None: they stay where they are."""
        ...


class StreamBinding:
    """Reads through the union source and writes through Prism.

    Args:
        job: Its name: the group of its readers, and part of derived ids.
        settings: The topology among them.

    Raises:
        ConfigurationError: No topology is given.
    """

    def __init__(self, job: str, settings: Settings) -> None:
        if settings.topology is None:
            raise ConfigurationError(
                "no topology is given",
                where=job,
                hint="--topology FILE_OR_URL, ANABRANCH_TOPOLOGY, or `topology:` in job.yaml; "
                "`anabranch dev up` makes brokers and a document",
            )
        self._job = job
        self._settings = settings
        self._topology = settings.topology

    def source(self, read: Read) -> str:
        """A table over ``union``: copies dropped, bad records to the dead letters; with a key, by version."""
        return create_table(
            read.name, read.columns, _found_elsewhere(self._source_options(read)), key=read.key
        )

    def sink(self, write: Write, columns: Sequence[Column]) -> str:
        """A table over ``prism``: rows that no primary takes to the dead letters."""
        options = _found_elsewhere(self._sink_options(write))
        return create_table(write.name, columns, options, key=write.key, written=True)

    def archive(self, archive: Archive) -> Archiving:
        """The union source without what decoding needs, and the place that call or settings give."""
        place = archive_place(archive, self._settings.archive)
        uri = place if is_uri(place) else file_uri(Path(place))
        return Archiving(_found_elsewhere(self._archive_options(archive)), uri)

    def uses(
        self, reads: Sequence[Read], writes: Sequence[Write], archives: Sequence[Archive] = ()
    ) -> list[Use]:
        """All streams of a job's inputs and outputs, once each, those for bad records too."""
        asked: list[tuple[Read | Write, Mapping[str, str], dict[str, str]]]
        asked = [(each, self._settings.inputs, self._source_options(each)) for each in reads]
        asked += [(each, {}, self._sink_options(each)) for each in writes]
        found = [Use(options["topology"], options["stream"], each.where) for each, _, options in asked]
        found += [
            Use(options["topology"], options["stream"], each.where)
            for each, options in ((each, self._archive_options(each)) for each in archives)
        ]
        found += [
            Use(options["topology"], options[_ASIDE], _set_by(_ASIDE, each, inputs))
            for each, inputs, options in asked
            if _ASIDE in options
        ]
        return list({(use.topology, use.stream): use for use in reversed(found)}.values())[::-1]

    def _scan_options(self, stream: str) -> dict[str, str]:
        options = {
            "topology": self._topology,
            "stream": stream,
            "group-id": self._job,
            "scan.startup.mode": self._settings.start,
        }
        if self._settings.bounded:
            options["scan.bounded.mode"] = "latest"
        return options

    def _archive_options(self, archive: Archive) -> dict[str, str]:
        # Options of formats are for inputs that are decoded; the source refuses what it does not know.
        inputs = {key: value for key, value in self._settings.inputs.items() if is_of_source(key)}
        return {**self._scan_options(archive.stream), **archive.options, **inputs}

    def _source_options(self, read: Read) -> dict[str, str]:
        options = {"connector": "union", "format": read.format, **self._scan_options(read.stream)}
        if self._settings.dead_letters is not None:
            options["dead-letters"] = self._settings.dead_letters
        return {**options, **read.options, **self._settings.inputs}

    def _sink_options(self, write: Write) -> dict[str, str]:
        options = {
            "connector": "prism",
            "topology": self._topology,
            "stream": write.stream,
            "format": write.format,
            "job-uid": self._job,
            "sink-uid": write.name,
        }
        if self._settings.dead_letters is not None:
            options["dead-letters"] = self._settings.dead_letters
        if write.ids == ("none",):
            options["record-id"] = "none"
        elif write.ids is not None:
            options |= {"record-id": "columns", "record-id.fields": ";".join(write.ids)}
        return {**options, **write.options}


def _set_by(key: str, asking: Read | Write, inputs: Mapping[str, str]) -> str:
    if key in inputs:
        return f"inputs.{key}"
    return asking.where if key in asking.options else "dead_letters"


def _found_elsewhere(options: Mapping[str, str]) -> dict[str, str]:
    """With a topology that tasks find which run in another folder.

    Links in a path stay, since they may be turned later.
    """
    uri = options["topology"]
    if not uri.strip() or is_uri(uri):
        return dict(options)
    return {**options, "topology": str(Path(uri).absolute())}
