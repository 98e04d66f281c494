"""`anabranch topology`: show, validate, apply and change the topology document."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from anabranch.topology import Publication, Topology

__all__ = ["command"]


class _Location(click.types.StringParamType):
    """A text; where it is missing, the other way to give it is told."""

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """What click adds to `Missing argument`."""
        return "Give it, or set $ANABRANCH_TOPOLOGY."


_location = click.argument("location", type=_Location(), envvar="ANABRANCH_TOPOLOGY")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_force = click.option(
    "--force-shrink",
    is_flag=True,
    help="Let more than half of a group's active primaries or streams go at once.",
)


@click.group(name="topology")
def command() -> None:
    """Show, validate, apply and change the topology document.

    LOCATION is a path, a file: or an http(s): URI; $ANABRANCH_TOPOLOGY stands in for it.
    """


@command.command("show")
@_location
@_json
def _show(location: str, as_json: bool) -> None:
    """Show the document at LOCATION as tables."""
    from anabranch.topology import load_topology

    topology = load_topology(location)
    if as_json:
        click.echo(topology.model_dump_json())
        return
    _print_tables(topology)


@command.command("validate")
@click.argument("document")
@click.option("--against", metavar="LOCATION", help="Check the guards against what is published there, too.")
@_force
def _validate(document: str, against: str | None, force_shrink: bool) -> None:
    """Check a DOCUMENT without publishing it.

    DOCUMENT is a path or URI; - is stdin.
    """
    from anabranch.topology import open_store, parse_topology, publish

    text, source = _read(document)
    if against is None:
        topology = parse_topology(text, source)
    else:
        store = open_store(against)
        topology = publish(store, text, source=source, force_shrink=force_shrink, dry_run=True).after
    click.echo(f"{source}: valid, {_summary(topology)}")


@command.command("apply")
@click.argument("document")
@_location
@_force
@click.option("--over-invalid", is_flag=True, help="Replace a published document that is invalid.")
@click.option("--dry-run", is_flag=True, help="Check only.")
@_json
def _apply(
    document: str, location: str, force_shrink: bool, over_invalid: bool, dry_run: bool, as_json: bool
) -> None:
    """Publish a DOCUMENT at LOCATION, if the guards agree.

    DOCUMENT is a path or URI; - is stdin. Applying what is there already changes nothing. Of two publishers
    at once exactly one wins.
    """
    from anabranch.topology import open_store, publish

    text, source = _read(document)
    done = publish(
        open_store(location),
        text,
        source=source,
        force_shrink=force_shrink,
        over_invalid=over_invalid,
        dry_run=dry_run,
    )
    _report(done, location, as_json=as_json, dry_run=dry_run)


@command.command("set-state")
@click.argument("primary")
@click.argument("state", type=click.Choice(["active", "draining", "removed"]))
@_location
@click.option("--group", help="The primary's group, where several have one of that name.")
@_force
@_json
def _set_state(
    primary: str, state: str, location: str, group: str | None, force_shrink: bool, as_json: bool
) -> None:
    """Set the wanted STATE of a PRIMARY in the document at LOCATION.

    The generation grows by one; comments and layout stay.
    """
    from anabranch.topology import WantedState, open_store, set_state

    done = set_state(
        open_store(location), primary, WantedState(state), group=group, force_shrink=force_shrink
    )
    _report(done, location, as_json=as_json, dry_run=False)


@command.command("schema")
def _schema() -> None:
    """Print the JSON Schema of the document."""
    from anabranch.topology.schema import topology_schema_text

    click.echo(topology_schema_text(), nl=False)


def _read(document: str) -> tuple[str, str]:
    from anabranch.errors import TopologyError
    from anabranch.topology import open_store

    if document == "-" or _is_piped(document):
        return _read_once(document), "stdin" if document == "-" else document
    store = open_store(document)
    stored = store.read()
    if stored is None:
        raise TopologyError("there is no such document", where=store.where, hint="check the path")
    return stored.text, store.where


def _is_piped(document: str) -> bool:
    """Whether it is a pipe or a terminal, as in ``<(command)`` and ``/dev/stdin``."""
    try:
        mode = os.stat(document).st_mode
    except (OSError, ValueError):  # whoever reads it tells that
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _read_once(document: str) -> str:
    from anabranch.errors import TopologyError, UnavailableError
    from anabranch.topology.store import MAX_BYTES

    where = "stdin" if document == "-" else document
    try:
        with click.open_file(document, encoding="utf-8") as file:
            text = str(file.read(MAX_BYTES + 1))
    except UnicodeDecodeError:
        raise TopologyError(
            "the document is not UTF-8 text", where=where, hint="pipe YAML or JSON in UTF-8"
        ) from None
    except OSError as error:
        raise UnavailableError(f"cannot be read: {error.strerror}", where=where) from None
    if len(text) > MAX_BYTES:
        raise TopologyError(f"there are more than {MAX_BYTES} bytes", where=where, hint="pipe one document")
    return text


def _report(done: Publication, location: str, *, as_json: bool, dry_run: bool) -> None:
    from anabranch.cli.topology_changes import changes
    from anabranch.topology import open_store

    where = open_store(location).where
    before = done.before.generation if done.before is not None else None
    if as_json:
        import json

        result = {"location": where, "before": before, "generation": done.after.generation}
        click.echo(json.dumps({**result, "changed": done.changed, "dry_run": dry_run}))
        return
    if not done.changed:
        click.echo(f"{where}: unchanged, {_summary(done.after)}")
        return
    verb = "would be published" if dry_run else "published"
    came_from = f" after {before}" if before is not None else ""
    click.echo(f"{where}: {verb}, {_summary(done.after)}{came_from}")
    for line in changes(done):
        click.echo(f"  {line}")


def _summary(topology: Topology) -> str:
    primaries = sum(len(group.primaries) for group in topology.groups.values())
    streams = sum(len(group.streams) for group in topology.groups.values())
    counted = f"{_counted(primaries, 'primary', 'primaries')}, {_counted(streams, 'stream', 'streams')}"
    return f"generation {topology.generation} ({counted})"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _print_tables(topology: Topology) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(markup=False, emoji=False)  # [fd00::1]:9092 is an address
    if not console.is_terminal:
        console.width = 160  # in a pipe or a log nothing is gained by wrapping
    console.print(f"generation {topology.generation}")
    primaries = Table("group", "primary", "state", "bootstrap", "auth")
    renamed = any(
        spec.topic != label for group in topology.groups.values() for label, spec in group.streams.items()
    )
    topic_heading = ["topic"] if renamed else []
    streams = Table("group", "stream", *topic_heading, "partitions", "copies", "retention", "outage budget")
    for column in (*primaries.columns, *streams.columns):
        column.overflow = "fold"
    colours = {"active": "green", "draining": "yellow", "removed": "dim"}
    for name, group in topology.groups.items():
        for label, primary in group.primaries.items():
            state = Text(primary.state, style=colours[primary.state])
            primaries.add_row(name, label, state, "\n".join(primary.bootstrap), primary.auth.type)
        for label, spec in group.streams.items():
            numbers = (str(spec.partitions), str(spec.copies))
            times = (_duration(spec.retention_s), _duration(spec.outage_budget_s))
            topic = [spec.topic if spec.topic != label else ""] if renamed else []
            streams.add_row(name, label, *topic, *numbers, *times)
    console.print(primaries)
    console.print(streams)


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
