"""`anabranch demo`: runs the main job and prints the verdict."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import click

from anabranch.devkit.copies import check_copies
from anabranch.devkit.state import exclusive, state_home
from anabranch.errors import ConfigurationError, UnavailableError

__all__ = ["command"]

_FAULTS = ("none", "kill", "pause", "taskmanager", "wipe")
_SABOTAGES = ("none", "no-dedup", "drop")


@click.command(name="demo")
@click.option("--primaries", type=click.IntRange(2, 8), default=2, show_default=True, help="Kafka clusters.")
@click.option(
    "--fault",
    type=click.Choice(_FAULTS),
    default="kill",
    show_default=True,
    help="What happens while reading and writing are in full swing. wipe needs --copies 2.",
)
@click.option(
    "--copies", type=click.IntRange(1, 8), default=1, show_default=True, help="Acknowledgements a record."
)
@click.option(
    "--secure",
    type=click.Choice(["scram", "mtls"]),
    help="Over TLS, with SCRAM or with certificates; they are made on the spot.",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Draws victim, moment and length of the fault."
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Take whole groups (all runs of one benchmark on one system) until there are at least N events; "
    "the last one may bring many more.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Another input: 'run id TAB json' lines, or .xz."
)
@click.option("--scores", type=click.Path(path_type=Path), help="Its scores (CSV: group, score_minutes).")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="Where the HTML report goes; one that is there is replaced.",
)
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep ledgers and logs in this folder."
)
@click.option(
    "--blob/--no-blob",
    default=None,
    help="Checkpoints in local Blob Storage (Azurite, by workload identity), or in a folder of this machine; "
    "by default the former where Node 20 or newer is installed.",
)
@click.option(
    "--sabotage",
    type=click.Choice(_SABOTAGES),
    default="none",
    show_default=True,
    help="Break the pipeline on purpose, to see that the verifier says so.",
)
@click.option("--json", "as_json", is_flag=True, help="Last line of stdout: the verdict as one JSON object.")
def command(
    primaries: int,
    fault: str,
    copies: int,
    secure: Literal["scram", "mtls"] | None,
    seed: int,
    limit: int | None,
    data: Path | None,
    scores: Path | None,
    report: Path,
    keep: Path | None,
    blob: bool | None,
    sabotage: str,
    as_json: bool,
) -> None:
    """Runs two jobs on real input over several Kafka clusters, hurts one, and checks every record.

    The logs of MLPerf Training v4.0 are replayed by several producers through Prism; training-logs counts
    every record per run, training-results computes the official leaderboard. At the end an independent
    consumer holds the producers' ledger against what came out. Exit code 0 only when nothing was lost,
    doubled or changed.
    """
    if fault == "wipe" and copies < 2:
        raise click.UsageError("--fault wipe destroys a primary for good: it needs --copies 2")
    check_copies(copies, primaries)
    _check_place(report)
    from anabranch.cli.demo_view import choose_view
    from anabranch.devkit.demo import DemoSpec, run_demo

    spec = DemoSpec(
        primaries=primaries,
        fault=fault,
        copies=copies,
        secure=secure,
        seed=seed,
        limit=limit,
        data=data,
        scores=scores,
        report=report,
        keep=keep,
        blob=blob,
        sabotage=sabotage,
        command=" ".join(["anabranch", *sys.argv[1:]]),
    )
    with _writing_alone(report), choose_view(as_json=as_json) as view:
        result = run_demo(spec, view.show)
    view.conclude(result)
    if as_json:
        click.echo(json.dumps(result.as_json()))
    sys.exit(0 if result.verdict.ok else 1)


@contextmanager
def _writing_alone(report: Path) -> Iterator[None]:
    """Of two demos that write one report, the one that ends first would lose its own without a word."""
    name = hashlib.sha256(str(report.resolve()).encode()).hexdigest()[:16]
    lock = state_home() / "reports" / f"{name}.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(lock, timeout_s=0, what=str(report), stays=False))
        except UnavailableError:
            raise ConfigurationError(
                "a demo that still runs writes its report there",
                where=f"--report {report}",
                hint="give this one another file",
            ) from None
        yield


def _check_place(report: Path) -> None:
    """The report is written last: that it cannot be must not be found out only then."""
    folder = report.absolute().parent
    if not folder.is_dir():
        problem = "there is no such folder"
    elif not os.access(report if report.exists() else folder, os.W_OK):
        problem = "it cannot be written there"
    else:
        return
    raise ConfigurationError(
        f"no place for the report: {problem}",
        where=f"--report {report}",
        hint=f"make {folder} a folder that you may write to, or give another file",
    )
