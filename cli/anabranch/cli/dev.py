"""`anabranch dev`: local Kafka clusters, Flink and Blob Storage, as real processes on this machine."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import TYPE_CHECKING, Literal

import click

from anabranch.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from anabranch.devkit.loop import Loop
    from anabranch.devkit.service import Service

__all__ = ["command"]

_COUNT = click.IntRange(min=1)
_name_option = click.option(
    "--name", default="default", show_default=True, help="The loop; several run side by side."
)


@click.group(name="dev")
def command() -> None:
    """Local Kafka clusters, Flink and Blob Storage: real processes, no Docker."""


@command.command("up")
@_name_option
@click.option(
    "--primaries",
    type=_COUNT,
    default=2,
    show_default=True,
    help="Kafka clusters; they are called a, b, c, …",
)
@click.option("--secure", type=click.Choice(["scram", "mtls"]), help="SASL_SSL with SCRAM, or mutual TLS.")
@click.option(
    "--flink/--no-flink", default=True, show_default=True, help="A Flink session cluster beside them."
)
@click.option("--task-managers", type=_COUNT, default=2, show_default=True, help="Flink's worker processes.")
@click.option("--slots", type=_COUNT, default=1, show_default=True, help="Slots of each.")
@click.option(
    "--blob/--no-blob",
    default=False,
    show_default=True,
    help="Local Blob Storage over TLS and a token service beside them; Flink keeps its state there, by "
    "workload identity. Needs Node 20 or newer.",
)
@click.option(
    "--stream",
    "streams",
    multiple=True,
    metavar="NAME:PARTITIONS",
    help="A stream in place of the demo's; may be repeated. dead-letters is kept.",
)
@click.option(
    "--copies", type=_COUNT, default=1, show_default=True, help="Primaries that must acknowledge a record."
)
def _up(
    name: str,
    primaries: int,
    secure: Literal["scram", "mtls"] | None,
    flink: bool,
    task_managers: int,
    slots: int,
    blob: bool,
    streams: tuple[str, ...],
    copies: int,
) -> None:
    """Start a loop, and leave it running until `down`."""
    from anabranch.cli.dev_table import next_lines
    from anabranch.devkit.loop import CloudSpec, FlinkSpec, Loop, LoopSpec

    spec = LoopSpec(
        name=name,
        primaries=primaries,
        secure=secure,
        streams=_streams(streams),
        copies=copies,
        flink=FlinkSpec(task_managers, slots) if flink else None,
        cloud=CloudSpec() if blob else None,
    )
    Loop.check_startable(name)
    began = time.monotonic()
    clusters = "1 Kafka cluster" if primaries == 1 else f"{primaries} Kafka clusters"
    parts = [clusters, *["Blob Storage"] * blob, *["Flink"] * flink]
    click.echo(f"starting {', '.join(parts)} …", err=True)
    loop = Loop.up(spec, detached=True, tell=lambda text: click.echo(text, err=True))
    _show(loop)
    click.echo(f"up after {time.monotonic() - began:.0f} s. Next:\n" + "\n".join(next_lines(loop)))


@command.command("status")
@_name_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def _status(name: str, as_json: bool) -> None:
    """Show what runs, where it listens and how it is."""
    from anabranch.devkit.loop import Loop
    from anabranch.devkit.status import status_of

    loop = Loop.find(name)
    if as_json:
        click.echo(json.dumps(status_of(loop)))
    else:
        _show(loop)


@command.command("logs")
@_name_option
@click.option("-n", "--lines", type=_COUNT, default=50, show_default=True, help="From the end.")
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.argument("service")
def _logs(name: str, lines: int, follow: bool, service: str) -> None:
    """Print the log of SERVICE, as `status` names it (a, jobmanager, …)."""
    from anabranch.devkit.loop import Loop

    found = Loop.find(name).service(service)
    for line in found.tail(lines):
        click.echo(line)
    if follow:
        _follow(found)


def _fault(verb: str, text: str, act: Callable[[Loop, str], None]) -> None:
    """Adds a subcommand that does something to each of the named services."""

    @command.command(name=verb, help=text)
    @_name_option
    @click.argument("services", nargs=-1, required=True)
    def run(name: str, services: tuple[str, ...]) -> None:
        from anabranch.devkit.loop import Loop

        loop = Loop.find(name)
        for service in services:
            loop.service(service)  # all names are checked before the first is touched
        for service in services:
            act(loop, service)
            click.echo(f"{service}: {loop.service(service).state.value}")


_fault("kill", "SIGKILL: gone at once, data kept.", lambda loop, name: loop.service(name).kill())
_fault(
    "pause",
    "SIGSTOP: connections stay open, nothing is answered.",
    lambda loop, name: loop.service(name).pause(),
)
_fault("resume", "SIGCONT: go on after a pause.", lambda loop, name: loop.service(name).resume())
_fault("restart", "Start again, on the same data.", lambda loop, name: loop.restart(name))


@command.command("wipe")
@_name_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.argument("primaries", nargs=-1, required=True)
def _wipe(name: str, yes: bool, primaries: tuple[str, ...]) -> None:
    """Destroy a primary's data; it comes back as a new cluster."""
    from anabranch.devkit.loop import Loop

    loop = Loop.find(name)
    for primary in primaries:
        loop.broker(primary)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody can be asked, since this is no terminal: give --yes")
        click.confirm(f"Destroy all data of {', '.join(primaries)} in loop '{name}'?", abort=True)
    for primary in primaries:
        loop.wipe(primary)
        click.echo(f"{primary}: empty, cluster id {loop.broker(primary).spec.cluster_id}")


@command.command("down")
@_name_option
@click.option("--all", "every", is_flag=True, help="Every loop.")
@click.option("--keep-files", is_flag=True, help="Leave data and logs where they are.")
def _down(name: str, every: bool, keep_files: bool) -> None:
    """End a loop: nothing of it runs afterwards, and its data is gone.

    So are the files of a loop that ended in another way, such as by a kill of `up`. Files that were kept on
    purpose go only with a loop that is named.
    """
    from anabranch.devkit.loop import Loop

    known, remains = Loop.names(), {} if keep_files else Loop.remains()
    ended = [each for each, kept in remains.items() if (not kept if every else each == name)]
    running = [each for each in known if every or each == name]
    if not (running or ended):
        others = f" (there are: {', '.join(known)})" if known else ""
        click.echo(f"nothing to end: no loop{'' if every else f' {name!r}'} is up{others}")
    for each in running:
        loop = Loop.find(each)
        loop.down(keep_files=keep_files)
        click.echo(f"loop '{each}' is down" + (f"; its files are in {loop.folder}" if keep_files else ""))
    for each in ended:
        Loop.clear(each)
        click.echo(f"loop '{each}' had ended; the files that it left are gone")


def _streams(named: tuple[str, ...]) -> dict[str, int]:
    from anabranch.devkit.loop import DEMO_STREAMS

    if not named:
        return DEMO_STREAMS
    streams: dict[str, int] = {}
    for name, partitions in map(_stream, named):
        if name in streams:
            raise ConfigurationError(f"stream {name} is given twice")
        streams[name] = partitions
    # Jobs write to it unless they are told otherwise.
    streams.setdefault("dead-letters", DEMO_STREAMS["dead-letters"])
    return streams


def _stream(text: str) -> tuple[str, int]:
    from anabranch.topology.rules import NAME

    name, _, partitions = text.partition(":")
    # Not isdigit(), which takes more than int() does; and no topic has a hundred thousand partitions.
    if not name or not re.fullmatch("0*[1-9][0-9]{,4}", partitions):
        raise ConfigurationError(f"'{text}' is no stream", hint="write NAME:PARTITIONS, as in logs:8")
    if not re.fullmatch(NAME, name):
        raise ConfigurationError(
            f"'{name}' is no name of a stream", hint="use letters, digits, '_', '.' and '-', as in logs:8"
        )
    return name, int(partitions)


def _show(loop: Loop) -> None:
    from rich.console import Console

    from anabranch.cli.dev_table import status_table
    from anabranch.devkit.status import status_of

    console = Console(highlight=False, markup=False, emoji=False)  # a note is a line of somebody's log
    if not console.is_terminal:
        console.width = 160  # in a pipe or a log nothing is gained by wrapping
    status = status_of(loop)
    console.print(status_table(status))
    # Not by rich, which would break a long line.
    click.echo("streams: " + " ".join(f"{name}:{count}" for name, count in status["streams"].items()))
    click.echo(f"topology: {status['topology']}")
    if status["checkpoints"] is not None:
        click.echo(f"checkpoints: {status['checkpoints']}")
    elif status["cloud"] is not None:
        click.echo(f"blob storage: {status['cloud']['location']}")


def _follow(service: Service) -> None:
    with service.log_path.open(errors="replace") as log:
        log.seek(0, 2)
        while True:
            text = log.read()
            if text:
                click.echo(text, nl=False)
            else:
                time.sleep(0.2)
