"""``anabranch savepoint``: keeps the state of a job that runs on a cluster."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anabranch.errors import ConfigurationError

if TYPE_CHECKING:
    from anabranch.pipelines.savepoints import SavepointFormat

__all__ = ["command"]

_EVERY_S = 5.0


@click.command("savepoint")
@click.argument("job")
@click.option("--cluster", metavar="HOST:PORT", help="Its Flink; by default what the job's settings say.")
@click.option("--dir", "folder", metavar="URI", help="Where to; by default the cluster's own folder.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["canonical", "native"]),
    default="canonical",
    show_default=True,
    help="canonical can be restored into another state backend; native is quicker.",
)
@click.option("--stop", is_flag=True, help="Stop the job with it.")
@click.option("--timeout", type=click.FloatRange(min=1), default=600, show_default=True, help="Seconds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    job: str,
    cluster: str | None,
    folder: str | None,
    form: SavepointFormat,
    stop: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Takes a savepoint of JOB: a folder with job.py, a Python file, a job's name, or its id.

    Prints the savepoint's URI, and how to start from it. A job that runs without a cluster has no savepoints
    but checkpoints: `anabranch run JOB --restore latest`.
    """
    from anabranch.pipelines.rest import RestClient
    from anabranch.pipelines.savepoints import find_job, take_savepoint

    place = Path(job)
    if place.exists():
        named, settings_cluster = _of_folder(place)
    else:
        named, settings_cluster = job, None
    cluster = cluster or settings_cluster
    if cluster is None:
        raise ConfigurationError("which Flink runs it?", hint="give --cluster HOST:PORT")
    rest = RestClient(f"http://{cluster}")
    found = find_job(rest, named)
    uri = take_savepoint(
        rest,
        found.job_id,
        folder=folder,
        form=form,
        stop=stop,
        timeout_s=timeout,
        waiting=_telling(f"the savepoint of {found.name}"),
    )
    if as_json:
        told = {"job": found.name, "job_id": found.job_id, "savepoint": uri, "format": form, "stopped": stop}
        click.echo(json.dumps(told))
        return
    click.echo(uri)
    what = shlex.quote(job) if place.exists() else "JOB"
    click.echo(
        f"to start from it: anabranch run {what} --cluster {cluster} --restore {shlex.quote(uri)}", err=True
    )


def _of_folder(place: Path) -> tuple[str, str | None]:
    """Name of the job there, and the cluster that its settings name."""
    from anabranch.pipelines.launch import prepare
    from anabranch.pipelines.layers import Layer

    plan = prepare(place, Layer({}, {}))
    return plan.load().name, plan.resolved.settings.cluster


def _telling(what: str) -> Callable[[], None]:
    """Says now and then that something goes on."""
    begun = told = time.monotonic()

    def tell() -> None:
        nonlocal told
        if time.monotonic() - told >= _EVERY_S:
            told = time.monotonic()
            click.echo(f"{what} is under way for {told - begun:.0f} s", err=True)

    return tell
