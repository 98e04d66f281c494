"""``anabranch tail``: a stream's records from all primaries."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import click
from click.core import ParameterSource

from anabranch.cli.away_lines import AwayLines
from anabranch.cli.record_lines import record_fields, record_line
from anabranch.cli.stream_options import SECONDS, emit_json, topology_option
from anabranch.errors import UnavailableError

if TYPE_CHECKING:
    from anabranch.connectors.readers import UnionReader
    from anabranch.connectors.union_records import StreamRecord

__all__ = ["command"]

# Without any primary after this, there is nothing to tail.
_FIRST_CONTACT_S = 10.0
_UPSERTS = "upserts are written by produce --upsert, and by jobs with key=…"
_UNKEYED = f"without a key: all of them are shown, since versions are those of a key ({_UPSERTS})"
_UNVERSIONED = (
    f"without a version: of one key the one read first is shown, which need not be the newest ({_UPSERTS})"
)


@click.command("tail")
@click.argument("stream")
@topology_option
@click.option(
    "--from",
    "start",
    type=click.Choice(["earliest", "latest"]),
    default="latest",
    show_default=True,
    help="Begin with the oldest records, or with what is written from now on.",
)
@click.option("--latest-by-version", is_flag=True, help="Upserts: only what is newer than a key's last one.")
@click.option("--dedup", is_flag=True, help="Leave out records whose id was seen.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many records.")
@click.option("--timeout", "timeout_s", type=SECONDS, help="Stop when nothing came for so many seconds.")
@click.option("--until-end", is_flag=True, help="Read from the oldest record to the present end, then stop.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    stream: str,
    topology: str,
    start: Literal["earliest", "latest"],
    latest_by_version: bool,
    dedup: bool,
    count: int | None,
    timeout_s: float | None,
    until_end: bool,
    as_json: bool,
) -> None:
    """Prints the records of STREAM from all primaries, as they come.

    A line is PRIMARY-PARTITION@OFFSET, the key if there is one, and the value, with tabs between.
    A primary that is down is reported and tried again; the others go on. With --latest-by-version and
    --until-end together, prints the newest record of each key once, at the end.
    """
    from anabranch.connectors.readers import UnionReader

    tail = _Tail(as_json, latest_by_version, dedup, count, table=latest_by_version and until_end)
    begin: Literal["earliest", "latest"] = "earliest" if until_end else start
    given = click.get_current_context().get_parameter_source("start")
    if until_end and start == "latest" and given is not ParameterSource.DEFAULT:
        raise click.UsageError("--until-end reads from the oldest record: leave --from latest out")
    with UnionReader(topology, stream, start=begin, until_end=until_end) as reader:
        # Not before it is known that there is such a stream.
        if begin == "latest" and given is ParameterSource.DEFAULT:
            click.echo("from now on; --from earliest shows what is there", err=True)
        try:
            tail.run(reader, timeout_s)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
        finally:
            tail.tell_unversioned()


@dataclass
class _Tail:
    """What is printed, and when it is enough."""

    as_json: bool
    latest_by_version: bool
    dedup: bool
    count: int | None
    table: bool
    printed: int = 0
    told: dict[str, int] = field(default_factory=dict)
    away: AwayLines = field(default_factory=AwayLines)

    def __post_init__(self) -> None:
        from anabranch.connectors.union_records import LatestByVersion, SeenIds

        self._seen = SeenIds() if self.dedup else None
        self._latest = LatestByVersion() if self.latest_by_version else None

    def run(self, reader: UnionReader, timeout_s: float | None) -> None:
        opened = last = time.monotonic()
        while True:
            finished = reader.finished
            records = reader.poll(0.0 if finished else 0.2)
            now = time.monotonic()
            last = now if records else last
            self.away.tell(reader)
            if any(self._take(record) for record in records):
                return
            if not self.table:
                # Whoever watches a stream should not have to end it to learn why nothing comes.
                self.tell_unversioned(again=False)
            if finished and not records:
                break
            if now - opened > _FIRST_CONTACT_S:
                reader.check_reached()
            if timeout_s is not None and now - last > timeout_s:
                break
        self._conclude(reader)

    def _conclude(self, reader: UnionReader) -> None:
        reader.check_reached()
        if self.table and self._latest is not None:
            for record in self._latest.latest()[: self.count]:
                self._print(record)
        if not self.printed:
            click.echo("no records", err=True)
        if reader.finished and (missing := reader.problems()):
            reasons = "; ".join(f"{name}: {problem}" for name, problem in missing.items())
            raise UnavailableError(
                f"not every primary was read to its end: {reasons}",
                hint="what the others have stands above; bring it back, and read again",
            )

    def tell_unversioned(self, *, again: bool = True) -> None:
        """Says which records no version chose; ``again`` where there are more than were told."""
        if self._latest is None:
            return
        for text, count in ((_UNKEYED, self._latest.unkeyed), (_UNVERSIONED, self._latest.unversioned)):
            known = self.told.get(text, 0)
            if count > known and (again or not known):
                self.told[text] = count
                click.echo(f"{count} {'record' if count == 1 else 'records'} {text}", err=True)

    def _take(self, record: StreamRecord) -> bool:
        """Prints a record if it is wanted; says whether that was the last one."""
        if self._seen is not None and not self._seen.accept(record):
            return False
        if self._latest is not None and not self._latest.accept(record):
            return False
        if self.table:
            return False
        self._print(record)
        return self.count is not None and self.printed >= self.count

    def _print(self, record: StreamRecord) -> None:
        self.printed += 1
        if self.as_json:
            emit_json(record_fields(record))
        else:
            click.echo(record_line(record))
