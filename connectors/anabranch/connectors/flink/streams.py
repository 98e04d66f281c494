"""Union source, Prism sink and de-duplication for PyFlink's DataStream API.

Raw records stay in the JVM: they pass from :class:`UnionSource` through :func:`dedup` or
:func:`latest_by_version` to :class:`PrismSink` without Python seeing them. :func:`record_rows` makes them
visible, as rows of bytes.

Example::

    configuration = Configuration()
    configure_jars(configuration)
    env = StreamExecutionEnvironment.get_execution_environment(configuration)
    source = UnionSource("topology.yaml", "logs")
    raw = env.from_source(source, WatermarkStrategy.no_watermarks(), "logs")
    sink = PrismSink("topology.yaml", "copies", job_uid="copy", sink_uid="copies")
    dedup(raw, "logs").sink_to(sink)
    env.execute("copy")

Unlike its neighbours this module imports PyFlink when it is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from pyflink.common import Configuration
from pyflink.common.serialization import DeserializationSchema, SerializationSchema
from pyflink.datastream import DataStream
from pyflink.datastream.connectors import Sink, Source
from pyflink.java_gateway import get_gateway
from pyflink.util.java_utils import to_jarray

from anabranch.connectors.jar_files import jar_paths

__all__ = [
    "ArchiveSink",
    "PrismSink",
    "RowField",
    "UnionSource",
    "configure_jars",
    "dedup",
    "late_records",
    "latest_by_version",
    "record_rows",
]

RowField = Literal["value", "key", "record_id", "ordinal", "timestamp_ms", "delete"]


def configure_jars(configuration: Configuration) -> None:
    """Puts the connectors on the class path and tells Flink which Python to run.

    Call it before the environment is made: PyFlink reads these options once.

    Args:
        configuration: Gets ``pipeline.jars``, ``python.executable`` and ``python.client.executable``;
            jars that are named in it already are kept.

    Raises:
        EnvironmentMissingError: The jars have not been built.
    """
    known = configuration.get_string("pipeline.jars", "")
    jars = [known] if known else []
    jars += [jar.as_uri() for jar in jar_paths()]
    configuration.set_string("pipeline.jars", ";".join(jars))
    # Otherwise PyFlink runs whatever `python` is first on PATH.
    configuration.set_string("python.executable", sys.executable)
    configuration.set_string("python.client.executable", sys.executable)


class UnionSource(Source):  # type: ignore[misc]  # PyFlink carries no types.
    """Reads one stream from every primary of its group.

    Args:
        topology: Path or URI of the topology document.
        stream: Name of the stream in it.
        values: Decodes values, and elements are what it makes; records without a value are skipped, and
            one that it cannot decode fails the job. Without it elements are raw records, for
            :func:`dedup`, :func:`latest_by_version` and :func:`record_rows`.
        options: Further options of the SQL connector ``union`` that concern reading, such as
            ``{"scan.bounded.mode": "latest"}``; see docs/sql.md. A single primary begins or ends elsewhere
            by ``{"scan.startup.primary.b": "timestamp:1700000000000"}`` (Unix milliseconds) and
            ``{"scan.bounded.primary.b": …}``; the modes hold for the others.

    Raises:
        Py4JJavaError: Of a ``ValidationException``, for an option that there is not, a position that is none,
            or options that do not go together. A position for a primary that the topology lacks fails
            the job at its start instead, since the document is not read here.
    """

    def __init__(
        self,
        topology: str,
        stream: str,
        *,
        values: DeserializationSchema | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        deserializers = _java("union.RecordDeserializer")
        deserializer = (
            deserializers.raw()
            if values is None
            else deserializers.valueOnly(values._j_deserialization_schema)
        )
        java_options = _java_options(topology, stream, options)
        super().__init__(_java("table.Connectors").source(java_options, deserializer))


class PrismSink(Sink):  # type: ignore[misc]  # PyFlink carries no types.
    """Writes a stream to whichever primaries of its group work.

    Elements are raw records, unless ``values`` or ``fields`` say otherwise.

    Args:
        topology: Path or URI of the topology document.
        stream: Name of the stream in it.
        record_id: ``derived`` takes the id of the input that an element was made of (that of a raw
            record, or the field ``record_id``), and needs ``job_uid`` and ``sink_uid``; ``columns`` takes
            it as the element's own id; ``none`` draws one, so that a restore may write a record twice.
        job_uid: Stable over all restarts and upgrades of the job.
        sink_uid: Different for each sink of the job.
        upsert: Whether an element replaces the one before it of the same key. Needs no record ids.
        values: Encodes elements that are values alone; only with ``record_id="none"``.
        fields: Names of the fields of elements that are rows, by position. ``value`` and ``key`` are
            bytes, ``record_id`` 16 bytes, ``ordinal`` an integer that tells several elements of one input
            apart. With ``upsert``, a row of kind DELETE or UPDATE_BEFORE (of ``to_changelog_stream``), or
            whose field ``delete`` is true, deletes its key; without it, any row but an INSERT is an error.
        options: Further options of the SQL connector ``prism``, such as ``{"home": "a"}`` or
            ``{"weights": "a:2,b:1"}``.
    """

    def __init__(
        self,
        topology: str,
        stream: str,
        *,
        record_id: Literal["derived", "columns", "none"] = "derived",
        job_uid: str | None = None,
        sink_uid: str | None = None,
        upsert: bool = False,
        values: SerializationSchema | None = None,
        fields: Sequence[RowField] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        given = {"record-id": record_id, "job-uid": job_uid, "sink-uid": sink_uid, **(options or {})}
        java_options = _java_options(
            topology, stream, {name: value for name, value in given.items() if value is not None}
        )
        serializer = _serializer(values, fields, upsert)
        super().__init__(_java("table.Connectors").sink(java_options, upsert, serializer))


class ArchiveSink(Sink):  # type: ignore[misc]  # PyFlink carries no types.
    """Keeps raw records in Avro files, each exactly once; docs/archive.md says how they are laid out.

    Elements are raw records: of a :class:`UnionSource` all that the primaries have, of :func:`dedup` one of
    the copies of each.

    Args:
        stream: Name of the stream that they are of.
        place: URI of the folder, on any of Flink's file systems.
    """

    def __init__(self, stream: str, place: str) -> None:
        super().__init__(_java("archive.ArchiveSink").of(stream, place))


def dedup(records: DataStream, stream: str, *, horizon: timedelta | None = None) -> DataStream:
    """Lets the first record of each id pass.

    Give the result a ``uid``: its state belongs to it.

    Args:
        records: Raw records of one stream, from all primaries.
        stream: Its name, for the operator's name.
        horizon: How far a create time may lie behind the newest before the record is late; at least the
            longest retention of the stream, which only SQL checks. 8 days by default.

    Returns:
        Raw records; :func:`late_records` has those that are late.
    """
    options = _java("dedup.DedupOptions").defaults()
    if horizon is not None:
        options = options.withHorizon(_java_duration(horizon))
    return DataStream(_java("dedup.Dedup").by(records._j_data_stream, stream, options))


def late_records(deduplicated: DataStream) -> DataStream:
    """The raw records beyond the horizon of what :func:`dedup` returned; who ignores them drops them."""
    late = _java("dedup.Dedup").LATE
    return DataStream(deduplicated._j_data_stream.getSideOutput(late))


def latest_by_version(records: DataStream) -> DataStream:
    """Lets, of each Kafka key, only records pass that are newer by version than all before.

    Args:
        records: Raw records of one stream of upserts, from all primaries.
    """
    return DataStream(_java("dedup.LatestByVersion").by(records._j_data_stream))


def record_rows(records: DataStream) -> DataStream:
    """Raw records as rows that Python can read.

    Returns:
        Rows of ``value`` and ``key`` (bytes or None), ``record_id`` (16 bytes), ``timestamp_ms``,
        ``primary``, ``topic``, ``partition``, ``offset`` and ``delete``.
    """
    return DataStream(_java("table.datastream.RecordRows").of(records._j_data_stream))


def _serializer(values: SerializationSchema | None, fields: Sequence[RowField] | None, upsert: bool) -> Any:
    serializers = _java("table.datastream.Serializers")
    if values is not None:
        return serializers.ofValues(values._j_serialization_schema)
    if fields is not None:
        return serializers.ofRows(upsert, to_jarray(get_gateway().jvm.java.lang.String, list(fields)))
    return serializers.ofRecords()


def _java(name: str) -> Any:
    """A class of ours, for its static methods."""
    found = get_gateway().jvm.dev.anabranch
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _java_options(topology: str, stream: str, options: Mapping[str, str] | None) -> Any:
    java_options = get_gateway().jvm.java.util.HashMap()
    for name, value in {"topology": topology, "stream": stream, **(options or {})}.items():
        java_options.put(name, value)
    return java_options


def _java_duration(duration: timedelta) -> Any:
    return get_gateway().jvm.java.time.Duration.ofMillis(duration // timedelta(milliseconds=1))
