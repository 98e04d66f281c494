"""``anabranch run``: a job, here or on a Flink session cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anabranch.cli.go_on import Remembering, telling_how_to_go_on, telling_how_to_stop
from anabranch.cli.setting_option import SettingOption
from anabranch.errors import AnabranchError

if TYPE_CHECKING:
    from anabranch.pipelines.launch import Launch
    from anabranch.pipelines.layers import Layer

__all__ = ["command"]

_setting = partial(click.option, cls=SettingOption)


@click.command("run", cls=Remembering)
@click.argument("job", type=click.Path(path_type=Path), required=False)
@_setting("--topology", help="Path or URI of the topology document.")
@_setting("--cluster", help="host:port of a Flink session cluster; without it Flink runs here.")
@_setting("--parallelism", type=click.IntRange(min=1), otherwise="2", help="Subtasks of each operator.")
@_setting(
    "--checkpoint-dir",
    "checkpoints__dir",
    help="Folder or URI of the checkpoints; by default the cluster's own if all its machines reach it, else "
    "a folder of this user.",
)
@_setting(
    "--checkpoint-interval",
    "checkpoints__interval_s",
    type=float,
    otherwise="10",
    help="Seconds between two.",
)
@_setting("--restore", help="Checkpoint or savepoint to start from; `latest`: this job's newest.")
@_setting(
    "--start",
    type=click.Choice(["earliest", "latest", "group-offsets"]),
    otherwise="earliest",
    help="Where reading starts.",
)
@_setting("--bounded", is_flag=True, default=None, help="Stop at the present ends of the streams.")
@_setting(
    "--dead-letters",
    otherwise="dead-letters",
    help="Stream of what cannot be decoded; empty: a bad record fails the job.",
)
@_setting("--archive", help="Folder or URI that streams are archived to.")
@click.option(
    "--input", "inputs", multiple=True, metavar="KEY=VALUE", help="An option of every input; repeatable."
)
@click.option(
    "--set", "flink", multiple=True, metavar="KEY=VALUE", help="One of Flink's options; repeatable."
)
@click.option("--detach", is_flag=True, help="Leave when the cluster has accepted the job.")
@click.option("--check/--no-check", default=True, help="Ask the brokers first.", show_default=True)
@click.option("--show-config", is_flag=True, help="Print each setting and where it comes from, and stop.")
@click.option("--explain", is_flag=True, help="Print Flink's plan, and stop.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a job's YAML, and stop.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(
    job: Path | None,
    flink: tuple[str, ...],
    inputs: tuple[str, ...],
    detach: bool,
    check: bool,
    show_config: bool,
    explain: bool,
    schema: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Runs JOB: a folder with job.py and job.yaml, or a Python file.

    Settings come from flags, then ANABRANCH_… variables, then the YAML, then defaults. Ctrl-C and
    SIGTERM cancel the job, keep its last checkpoint and print the command that goes on from there.
    """
    from anabranch.cli.letters_line import telling_of_dead_letters
    from anabranch.cli.passing_folder import passing_folder
    from anabranch.cli.run_output import output_for
    from anabranch.connectors.flink.interrupts import raising_once
    from anabranch.pipelines.job_file import job_schema
    from anabranch.pipelines.launch import explain as explain_plan
    from anabranch.pipelines.launch import launch, prepare

    if schema:
        click.echo(job_schema(), nl=False)
        return
    if job is None:
        raise click.UsageError("which JOB? Give a folder with job.py, or a Python file.")
    layer = _flag_layer(flags, {"--input": inputs, "--set": flink})
    plan = prepare(job, layer, logs=passing_folder("explain") if explain else None)
    if show_config:
        _show(plan.resolved.rows({"checkpoints.dir": _checkpoint_folder(plan)}), as_json)
    elif explain:
        click.echo(explain_plan(plan))
    else:
        with output_for(as_json) as on_event:
            told = telling_of_dead_letters(on_event, plan.resolved)
            told = telling_how_to_stop(told) if detach else telling_how_to_go_on(told)
            with raising_once():
                launch(plan, told, check=check, detach=detach)


# Flags that may be repeated, and the setting that each adds to.
_MAPS = {"--input": "inputs", "--set": "flink"}


def _flag_layer(flags: dict[str, Any], pairs: dict[str, tuple[str, ...]]) -> Layer:
    from anabranch.pipelines.layers import Layer

    values: dict[tuple[str, ...], Any] = {}
    sources: dict[tuple[str, ...], str] = {}
    spelt = {param.name: param.opts[0] for param in command.params}
    for name, value in flags.items():
        if value is not None:
            path = tuple(name.split("__"))
            values[path] = value or None if name == "dead_letters" else value
            sources[path] = spelt[name]
    for flag, given in pairs.items():
        for pair in given:
            key, equals, value = pair.partition("=")
            if not equals:
                raise click.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint=flag)
            path = (_MAPS[flag], key)
            values[path], sources[path] = value, f"{flag} {key}"
    return Layer(values, sources)


def _checkpoint_folder(plan: Launch) -> str:
    """Where checkpoints go when nothing is said, which goes by the job's name; empty where it is said."""
    from anabranch.pipelines.configuration import CHECKPOINT_DIR

    settings = plan.resolved.settings
    if settings.checkpoints.dir or CHECKPOINT_DIR in settings.flink:
        return ""
    try:
        return plan.context.checkpoints(plan.load())
    except AnabranchError:
        # Its settings can be looked at though its code is not finished.
        return "a folder of this user"


def _show(settings: list[tuple[str, str, str]], as_json: bool) -> None:
    if as_json:
        import json

        named = [dict(zip(("setting", "value", "source"), row, strict=True)) for row in settings]
        click.echo(json.dumps(named, indent=2))
        return
    rows = [("setting", "value", "from"), *settings]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, source in rows:
        click.echo(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}")
