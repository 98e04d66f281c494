"""Reads an archive file by file, and each file block by block: none is ever in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import BinaryIO

from anabranch.connectors.archive.buckets import is_file, may_hold, stream_folder, stream_of
from anabranch.connectors.archive.places import ArchivePlace, open_place
from anabranch.connectors.archive.records import SCHEMA_NAME, ArchivedRecord, archive_schema
from anabranch.errors import AnabranchError, ConfigurationError
from anabranch.topology.rules import did_you_mean

__all__ = ["ArchiveFileError", "read_archive"]


class ArchiveFileError(AnabranchError):
    """One file of an archive cannot be read to its end; the others can."""


def read_archive(
    place: str,
    *,
    stream: str | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    on_bad_file: Callable[[ArchiveFileError], None] | None = None,
) -> Iterator[ArchivedRecord]:
    """The records of an archive, in the order of its folders and files; within a file as they were read.

    So hours come one after the other, but within an hour each file begins anew: order by what you need.

    Args:
        place: Folder or URI of the archive, or of a folder or file in it.
        stream: Only of this one.
        since_ms: Only those that were created then or later, Unix milliseconds.
        until_ms: Only those that were created before.
        on_bad_file: Called for a file that cannot be read (to its end), and the next one is read. Without it
            the error is raised.

    Raises:
        ConfigurationError: There is no such place, nothing is archived there, or not that stream; or the
            identity has no right to it.
        UnavailableError: The place does not answer.
        ArchiveFileError: A file is damaged, gone, or holds something else.
    """
    with closing(open_place(place)) as opened:
        for name in _files(opened, stream):
            if not may_hold(name, since_ms, until_ms):
                continue
            try:
                for record in _records(opened, name):
                    if (
                        (stream is None or record.stream == stream)
                        and (since_ms is None or record.timestamp_ms >= since_ms)
                        and (until_ms is None or record.timestamp_ms < until_ms)
                    ):
                        yield record
            except ArchiveFileError as error:
                if on_bad_file is None:
                    raise
                on_bad_file(error)


def _files(place: ArchivePlace, stream: str | None) -> Iterator[str]:
    """Those of the stream, if the place is a whole archive; a folder or file in one may be given, too."""
    streams = [found for folder in place.folders() if (found := stream_of(folder))]
    if stream is not None and streams and stream not in streams:
        raise ConfigurationError(
            f"stream {stream!r} is not in this archive",
            where=place.where,
            hint=f"{did_you_mean(stream, streams)} it has: {', '.join(streams)}".lstrip(),
        )
    nothing = True
    for name in place.names(stream_folder(stream) if stream is not None and streams else ""):
        if not name or is_file(name):
            nothing = False
            yield name
    if nothing:
        raise ConfigurationError(
            "there are no archived records",
            where=place.where,
            hint="check the path; records are seen when the checkpoint after them is complete",
        )


def _records(place: ArchivePlace, name: str) -> Iterator[ArchivedRecord]:
    where = f"{place.where.rstrip('/')}/{name}" if name else place.where
    try:
        file = place.open(name)
    except OSError as error:
        raise _unreadable(error, where) from None
    with file:
        yield from _blocks(file, where)


def _blocks(file: BinaryIO, where: str) -> Iterator[ArchivedRecord]:
    import fastavro

    try:
        blocks = fastavro.block_reader(file, archive_schema())
        schema = blocks.writer_schema
    except AnabranchError:
        raise
    except OSError as error:
        raise _unreadable(error, where) from None
    except Exception:
        # fastavro raises whatever its reader stumbles over.
        raise ArchiveFileError(
            "this is no Avro file", where=where, hint="was it put there by hand?"
        ) from None
    found = schema.get("name") if isinstance(schema, dict) else schema
    if found != SCHEMA_NAME:
        raise ArchiveFileError(
            f"this is an Avro file of something else: {found}", where=where, hint=f"expected {SCHEMA_NAME}"
        )
    number, start = 0, file.tell()
    while True:
        number += 1
        try:
            block = next(blocks, None)
            if block is None:
                return
            # All of a block or nothing: what was decoded before the damage may be wrong, too.
            records = [ArchivedRecord.of(fields) for fields in block]
        except AnabranchError:
            raise
        except OSError as error:
            raise _unreadable(error, where) from None
        except Exception as error:
            raise ArchiveFileError(
                f"block {number}, at byte {start}, is damaged ({type(error).__name__}: {error})",
                where=where,
                hint="what stands before it was read; what stands behind it in this file was not",
            ) from None
        start = file.tell()
        yield from records


def _unreadable(error: OSError, where: str) -> ArchiveFileError:
    return ArchiveFileError(f"cannot be read: {error.strerror or error}", where=where)
