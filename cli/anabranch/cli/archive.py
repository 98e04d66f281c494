"""``anabranch archive``: reads the raw records that jobs have archived."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from anabranch.cli.record_lines import record_fields, record_line
from anabranch.cli.stream_options import emit_json
from anabranch.errors import AnabranchError

if TYPE_CHECKING:
    from anabranch.connectors.archive import ArchivedRecord, ArchiveFileError

__all__ = ["command"]


def _time_ms(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """A moment as Unix milliseconds."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no time: write 2026-11-30, or 2026-11-30T21:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


@click.group("archive")
def command() -> None:
    """Reads archives: the Avro files of raw records that jobs leave."""


@command.command("cat")
@click.argument("place", metavar="URI")
@click.option("--stream", help="Only of this stream.")
@click.option(
    "--from",
    "since_ms",
    metavar="TIME",
    callback=_time_ms,
    help="Only what was created then or later: UTC, or with +HH:MM.",
)
@click.option("--to", "until_ms", metavar="TIME", callback=_time_ms, help="Only what was created before.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many records.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--raw", is_flag=True, help="Values alone, as they are, each with a line's end behind it.")
@click.option("--count", is_flag=True, help="Only the number of records.")
def _cat(
    place: str,
    stream: str | None,
    since_ms: int | None,
    until_ms: int | None,
    limit: int | None,
    as_json: bool,
    raw: bool,
    count: bool,
) -> None:
    """Prints the archived records at URI, a folder or abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH.

    A line is that of `anabranch tail`: PRIMARY-PARTITION@OFFSET, the key if there is one, and the value, with
    tabs between. Hours come in order, files of an hour in that of their names. A file that is damaged is
    told, with its place; the others are read, and the exit code is 1. --raw leaves out records without a
    value.
    """
    if as_json + raw + count > 1:
        raise click.UsageError("--json, --raw and --count: choose one")
    from anabranch.connectors.archive import read_archive

    bad: list[ArchiveFileError] = []

    def tell(error: ArchiveFileError) -> None:
        bad.append(error)
        click.echo(f"error: {error}", err=True)

    found = 0
    for record in read_archive(place, stream=stream, since_ms=since_ms, until_ms=until_ms, on_bad_file=tell):
        found += 1
        if not count:
            _print(record, as_json, raw)
        if found == limit:
            break
    if count:
        click.echo(found)
    elif not found and not bad:
        click.echo("no records", err=True)
    if bad:
        files = "file" if len(bad) == 1 else "files"
        raise AnabranchError(
            f"{len(bad)} {files} could not be read to the end; what the others have stands above"
        )


def _print(record: ArchivedRecord, as_json: bool, raw: bool) -> None:
    if as_json:
        emit_json(_fields(record))
    elif not raw:
        click.echo(record_line(record))
    elif record.value is not None:
        sys.stdout.buffer.write(record.value + b"\n")


def _fields(record: ArchivedRecord) -> dict[str, object]:
    return {
        "stream": record.stream,
        **record_fields(record),
        "record_id": record.record_id.hex(),
        "cluster_id": record.cluster_id,
        "topic_id": record.topic_id,
        "leader_epoch": record.leader_epoch,
    }
