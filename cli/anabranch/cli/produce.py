"""``anabranch produce``: lines to records, through Prism."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO

import click

from anabranch.cli.stream_options import emit_json, topology_option
from anabranch.errors import ConfigurationError, DeliveryError

if TYPE_CHECKING:
    from anabranch.connectors import Delivery, PrismProducer, ProducerStats

__all__ = ["command"]

_PROGRESS_S = 1.0
# More than a handful of complaints about single lines say nothing new.
_COMPLAINTS = 5

_Split = Callable[[bytes, int], tuple[bytes | None, bytes]]


@click.command("produce")
@click.argument("stream")
@click.argument("file", type=click.File("rb"), default="-")
@topology_option
@click.option(
    "--id-scope",
    metavar="SCOPE",
    help="Ids are the line numbers in this scope (a run, a file): the same lines sent again count once.",
)
@click.option("--key", "key_field", metavar="FIELD", help="The key is this field of the line's JSON.")
@click.option("--key-separator", metavar="TEXT", help="The key is what precedes the first TEXT of a line.")
@click.option("--home", metavar="PRIMARY", help="Write to this primary while it works.")
@click.option("--hedge-after", "hedge_after_s", type=float, default=0.5, show_default=True, metavar="S")
@click.option("--max-block", "max_block_s", type=float, default=60.0, show_default=True, metavar="S")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
def command(
    stream: str,
    file: BinaryIO,
    topology: str,
    id_scope: str | None,
    key_field: str | None,
    key_separator: str | None,
    home: str | None,
    hedge_after_s: float,
    max_block_s: float,
    as_json: bool,
) -> None:
    """Writes each line of FILE (or standard input) as one record to STREAM.

    A line goes to whichever primary works; the command is done when each line is acknowledged. Lines that no
    primary wants are named, and make the command fail in the end.
    """
    from anabranch.connectors import PrismProducer

    split = _splitter(key_field, key_separator)
    with PrismProducer(
        topology, stream, home=home, hedge_after_s=hedge_after_s, max_block_s=max_block_s
    ) as producer:
        run = _Run(producer, quiet=as_json)
        try:
            run.send(file, split, id_scope)
        finally:
            run.finish(max_block_s)
        stats = producer.stats()
    if as_json:
        emit_json(asdict(stats))
    if run.failed:
        raise DeliveryError(f"{run.failed} of {run.lines} lines were not written", where=f"stream {stream}")


class _Run:
    """Sends lines and tells how it goes."""

    def __init__(self, producer: PrismProducer, *, quiet: bool) -> None:
        self.lines = self.failed = 0
        self._producer = producer
        self._quiet = quiet
        self._began = self._told = time.monotonic()

    def send(self, file: BinaryIO, split: _Split, id_scope: str | None) -> None:
        from anabranch.connectors import RecordId

        for number, raw in enumerate(file):
            key, value = split(raw.rstrip(b"\r\n"), number + 1)
            record_id = None if id_scope is None else RecordId.supplied(id_scope, number)
            self._producer.send(value, key=key, id=record_id, on_done=self._done(number + 1))
            self.lines += 1
            if time.monotonic() - self._told > _PROGRESS_S:
                self._tell()

    def finish(self, limit_s: float) -> None:
        """Waits for what is in flight, telling how it goes."""
        deadline = time.monotonic() + limit_s + 1
        while self._producer.flush(_PROGRESS_S) and time.monotonic() < deadline:
            self._tell()
        self._tell(last=True)

    def _done(self, line: int) -> Callable[[Delivery], None]:
        def done(delivery: Delivery) -> None:
            if delivery.error is None:
                return
            self.failed += 1
            if self.failed <= _COMPLAINTS:
                click.echo(f"line {line}: {delivery.error}", err=True)

        return done

    def _tell(self, *, last: bool = False) -> None:
        self._told = time.monotonic()
        if self._quiet:
            return
        text = _sentence(self._producer.stats(), self._told - self._began)
        if not sys.stderr.isatty():
            click.echo(text, err=True)
            return
        click.echo(f"\r\x1b[2K{text}", err=True, nl=last)


def _sentence(stats: ProducerStats, seconds: float) -> str:
    parts = []
    for name, primary in stats.primaries.items():
        hedged = f", {primary.hedged} hedged" if primary.hedged else ""
        state = f" [{primary.state}: {primary.reason}]" if primary.state != "closed" else ""
        parts.append(f"{name} {primary.acked}{hedged}{state}")
    failed = f", {stats.failed} failed" if stats.failed else ""
    return f"{stats.done} of {stats.records} acknowledged in {seconds:.1f} s ({'; '.join(parts)}){failed}"


def _splitter(key_field: str | None, key_separator: str | None) -> _Split:
    if key_field is not None and key_separator is not None:
        raise click.UsageError("--key and --key-separator exclude each other")
    if key_field is not None:
        return lambda line, number: (_json_key(line, key_field, number), line)
    if key_separator is not None:
        if not key_separator:
            raise click.UsageError("--key-separator is empty; give the text that ends each line's key")
        separator = os.fsencode(key_separator)
        return lambda line, number: _split(line, separator, number)
    return lambda line, number: (None, line)


def _json_key(line: bytes, name: str, number: int) -> bytes:
    try:
        field = json.loads(line)[name]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"there is no field '{name}' in this line's JSON ({type(error).__name__})",
            where=f"line {number}",
            hint="correct the line, or --key; lines before it were sent",
        ) from error
    return field.encode() if isinstance(field, str) else json.dumps(field, separators=(",", ":")).encode()


def _split(line: bytes, separator: bytes, number: int) -> tuple[bytes, bytes]:
    key, found, value = line.partition(separator)
    if not found:
        raise ConfigurationError(
            f"there is no {os.fsdecode(separator)!r} in this line",
            where=f"line {number}",
            hint="correct the line, or --key-separator; lines before it were sent",
        )
    return key, value
