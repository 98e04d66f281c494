"""``anabranch checkpoints``: what a job can be restored from, whether all of it is there, and copies."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from anabranch.cli.checkpoint_table import details, size, table
from anabranch.errors import ConfigurationError

if TYPE_CHECKING:
    from anabranch.connectors.flink.restore_points import RestorePoint, RestorePointReader
    from anabranch.pipelines.restore_points import Places

__all__ = ["command"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _common(function: _Command) -> _Command:
    """What all of them take."""
    for decorate in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object, or a list of them."),
        click.option(
            "--set", "flink", multiple=True, metavar="KEY=VALUE", help="One of Flink's options; repeatable."
        ),
        click.option("--cluster", metavar="HOST:PORT", help="The Flink whose storage it is."),
        click.argument("job"),
    ):
        function = decorate(function)
    return function


@click.group("checkpoints")
def command() -> None:
    """Shows, checks and protects what a job can be restored from.

    JOB is a folder with job.py, whose runs are known from here; or a path or URI (file:, abfss:) of a folder
    of checkpoints, of savepoints, or of one of them. Storage is asked by Flink's file systems, in the
    identity that the AZURE_… variables give; their options are those of the job's settings, of the cluster
    (--cluster), and of ANABRANCH_BLOB_ENDPOINT_ACCOUNT and ANABRANCH_BLOB_CA_FILE.

    One is complete if its _metadata can be read, and each file that it refers to is there with the length
    that it says. What is in the files is not read.
    """


@command.command("list")
@_common
def _list(job: str, cluster: str | None, flink: Sequence[str], as_json: bool) -> None:
    """Lists checkpoints and savepoints, complete ones first, the newest first.

    Those that are not complete come last, each with the reason.
    """
    from anabranch.pipelines.restore_points import newest_first

    points, places = _found(job, cluster, flink)[:2]
    points = newest_first(points)
    if as_json:
        click.echo(json.dumps([_plain(point) for point in points], indent=2))
    elif points:
        click.echo("\n".join(table(points)))
    else:
        click.echo(f"{places.what}: there is no checkpoint or savepoint", err=True)


@command.command("show")
@_common
def _show(job: str, cluster: str | None, flink: Sequence[str], as_json: bool) -> None:
    """Shows one: its operators, their state, and the files that it refers to.

    Of a job, or of a folder of several, it is the newest that is complete.
    """
    point, reader = _one(job, cluster, flink)
    told = reader.show(point.uri)
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        click.echo("\n".join(details(point, told)))


@command.command("verify")
@_common
def _verify(job: str, cluster: str | None, flink: Sequence[str], as_json: bool) -> None:
    """Checks that one is complete; exits with 1, and names the files, if not.

    Its _metadata can be read, and each file that it refers to is there with the length that it says. What is
    in the files is not read. Of a job, or of a folder of several, it is the newest that is complete; newer
    ones that are not are told.
    """
    point, _ = _one(job, cluster, flink)
    if as_json:
        click.echo(json.dumps(_plain(point), indent=2))
    elif point.is_complete:
        click.echo(
            f"complete: {point.uri}\n  its _metadata can be read, and all {point.files} files that it refers "
            f"to are there with their lengths, {size(point.bytes)} in all; what is in them was not read"
        )
    else:
        lines = [f"not complete: {point.uri}", f"  {point.problem}"]
        click.echo("\n".join([*lines, *(f"  {file.uri} {file.reason}" for file in point.missing)]))
    if not point.is_complete:
        sys.exit(1)


@command.command("protect")
@_common
@click.option("--to", "target", metavar="URI", help="Folder that the copy is to be; by default one beside.")
def _protect(job: str, cluster: str | None, flink: Sequence[str], as_json: bool, target: str | None) -> None:
    """Copies one with all files that it refers to, so that no job can delete them.

    The copy can be restored as the original can. It goes to a folder `protected` beside those of the runs, or
    beside the savepoint. Its _metadata is written last, so a copy that was interrupted is none; made again,
    it goes on where it was. It is yours to delete. Of a job, or of a folder of several, it is the newest that
    is complete.
    """
    from anabranch.pipelines.restore_points import PROTECTED, is_below_run, newest_complete, protected_uri
    from anabranch.pipelines.uris import as_uri

    points, places, reader = _found(job, cluster, flink)
    # A copy of a copy is wanted only of whoever names it.
    originals = [point for point in points if f"/{PROTECTED}/" not in point.uri] or points
    point = newest_complete(originals, places.what)
    _tell_newer(originals, point)
    to = protected_uri(point) if target is None else as_uri(target)
    if is_below_run(to, point):
        raise ConfigurationError(
            "a copy there goes with its run: a job that ends may delete its whole folder",
            where=f"--to {target}",
            hint="give a folder elsewhere, or leave out --to",
        )
    click.echo(f"copying {point.files} files, {size(point.bytes)}, of {point.uri}", err=True)
    copy, copied = reader.protect(point.uri, to)
    if as_json:
        click.echo(json.dumps({**_plain(copy), "copied": copied, "original": point.uri}, indent=2))
        return
    click.echo(copy.uri)
    what = shlex.quote(job) if places.is_job else "JOB"
    done = f"{copied} files copied" if copied else "it was there already"
    click.echo(f"{done}; to start from it: anabranch run {what} --restore {shlex.quote(copy.uri)}", err=True)


def _one(job: str, cluster: str | None, flink: Sequence[str]) -> tuple[RestorePoint, RestorePointReader]:
    """The one that is named, whatever is wrong with it; of several the newest that is complete."""
    from anabranch.pipelines.restore_points import newest_complete

    points, places, reader = _found(job, cluster, flink)
    if len(points) == 1 and not places.is_job:
        return points[0], reader
    point = newest_complete(points, places.what)
    _tell_newer(points, point)
    return point, reader


def _found(
    job: str, cluster: str | None, flink: Sequence[str]
) -> tuple[list[RestorePoint], Places, RestorePointReader]:
    from anabranch.cli.passing_folder import passing_folder
    from anabranch.connectors.flink.restore_points import RestorePointReader
    from anabranch.pipelines.restore_points import places_of
    from anabranch.pipelines.storage import file_system_options

    places = places_of(job, _layer(cluster, flink))
    reader = RestorePointReader(file_system_options(places.settings), passing_folder("checkpoints"))
    return reader.find(places.folders), places, reader


def _tell_newer(points: Sequence[RestorePoint], taken: RestorePoint) -> None:
    for point in points:
        if not point.is_complete and point.modified_ms > taken.modified_ms:
            click.echo(f"note: {point.uri} is newer, and not complete: {point.problem}", err=True)


def _layer(cluster: str | None, flink: Sequence[str]) -> Any:
    from anabranch.pipelines.layers import Layer

    values: dict[tuple[str, ...], Any] = {} if cluster is None else {("cluster",): cluster}
    sources: dict[tuple[str, ...], str] = {} if cluster is None else {("cluster",): "--cluster"}
    for pair in flink:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint="--set")
        values["flink", key], sources["flink", key] = value, f"--set {key}"
    return Layer(values, sources)


def _plain(point: RestorePoint) -> Mapping[str, Any]:
    """As JSON has it."""
    from dataclasses import asdict

    from anabranch.pipelines.restore_points import run_of

    return {**asdict(point), "run": run_of(point), "complete": point.is_complete}
