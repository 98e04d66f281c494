"""The `anabranch` command: a thin skin over the library.

Each subcommand lives in a module of its own that is imported only when it is called, so that
`anabranch --help` stays fast whatever the others need.
"""

from __future__ import annotations

import importlib
import io
import signal
import sys

import click

from anabranch.errors import AnabranchError

__all__ = ["cli", "main"]

# Name of the subcommand -> (module, one line for --help).
_COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("anabranch.cli.demo", "run the main job on real brokers, with a fault, and print the verdict"),
    "dev": (
        "anabranch.cli.dev",
        "local Kafka, Flink and Blob Storage: up, status, logs, kill, pause, resume, restart, wipe, down",
    ),
    "topology": ("anabranch.cli.topology", "show, validate, apply and change the topology document"),
    "run": ("anabranch.cli.run", "run a job"),
    "savepoint": ("anabranch.cli.savepoint", "keep the state of a job that runs on a cluster"),
    "checkpoints": ("anabranch.cli.checkpoints", "list, check and protect what a job can be restored from"),
    "produce": ("anabranch.cli.produce", "write lines to a stream through Prism"),
    "tail": ("anabranch.cli.tail", "print a stream's records from all primaries"),
    "archive": ("anabranch.cli.archive", "read what jobs have archived"),
    "dead-letters": ("anabranch.cli.dead_letters", "show and replay what could not be decoded"),
    "verify": ("anabranch.cli.verify", "hold a ledger against what came out"),
}


class _LazyGroup(click.Group):
    """A group whose subcommands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table above."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module and returns its ``command``."""
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = importlib.import_module(entry[0]).command
        assert isinstance(command, click.Command)  # noqa: S101  (our own table)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Adds what was probably meant, which click looks for among imported commands only."""
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            from anabranch.topology.rules import did_you_mean

            meant = did_you_mean(name, _COMMANDS)
            ctx.fail(f"No such command '{name}'" + (f": {meant}" if meant else "."))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="anabranch")
def cli() -> None:
    """Streaming pipelines in Python over multi-primary Kafka on Apache Flink."""


def main() -> None:
    """Entry point: an anabranch error becomes its own text and exit code 1, a defect one screen and 70."""
    _print_whatever_the_encoding()
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Abort as abort:
        from anabranch.connectors.flink.interrupts import ignore_interrupts

        ignore_interrupts()  # a second one would break what still ends, and the exit code
        click.echo("interrupted", err=True)
        sys.exit(_exit_code(abort))
    except AnabranchError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except Exception as error:
        from anabranch.cli.no_place import drop_output, told
        from anabranch.cli.unexpected import EXIT_CODE, tell

        if isinstance(error, OSError) and (text := told(error)) is not None:
            click.echo(f"error: {text}", err=True)
            drop_output()
            sys.exit(1)
        tell(error)
        sys.exit(EXIT_CODE)


def _print_whatever_the_encoding() -> None:
    """A character that the output cannot show costs itself, not the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


def _exit_code(abort: click.exceptions.Abort) -> int:
    """That of a shell for the signal which ended the command: click makes one exception of both."""
    from anabranch.connectors.flink.interrupts import Terminated

    signalled = (
        signal.SIGTERM if isinstance(abort.__cause__ or abort.__context__, Terminated) else signal.SIGINT
    )
    return 128 + signalled
