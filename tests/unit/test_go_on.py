"""The line that goes on with a job: what was typed, from the new checkpoint, without secrets."""

from __future__ import annotations

from collections.abc import Sequence

import click
import pytest
from click.testing import CliRunner

from anabranch.cli.go_on import Remembering, telling_how_to_go_on, telling_how_to_stop
from anabranch.pipelines.events import Event, Note, Started, Stopped


@click.command("run", cls=Remembering)
@click.argument("job")
@click.option("--restore")
@click.option("--set", "flink", multiple=True)
@click.option("--state")
@click.option("--checkpoint")
def run(job: str, restore: str | None, flink: Sequence[str], state: str, checkpoint: str | None) -> None:
    """Ends as it is told to."""

    def show(event: object) -> None:
        click.echo(getattr(event, "text", "stopped"))

    telling_how_to_go_on(show)(Stopped("j", state, checkpoint))


def said(*arguments: str) -> str:
    return CliRunner().invoke(run, list(arguments), catch_exceptions=False).output.splitlines()[-1]


@pytest.mark.parametrize("old", [(), ("--restore", "old"), ("--restore=old",), ("--restore", "--restore")])
def test_the_new_checkpoint_takes_the_place_of_the_old(old: tuple[str, ...]) -> None:
    line = said("my job", *old, "--state", "CANCELED", "--checkpoint", "file:/new")
    assert line == "to go on: run 'my job' --state CANCELED --checkpoint file:/new --restore file:/new"


@pytest.mark.parametrize("form", [("--set", "s3.secret-key=hidden"), ("--set=s3.secret-key=hidden",)])
def test_secrets_are_left_out(form: tuple[str, ...]) -> None:
    line = said("j", *form, "--set", "a.b=1", "--state", "FAILED", "--checkpoint", "c")
    assert "hidden" not in line
    assert "s3.secret-key=******" in line
    assert "a.b=1" in line


def test_without_a_checkpoint_it_starts_anew() -> None:
    assert said("j", "--state", "CANCELED") == "no checkpoint was completed: the next run starts anew"


def test_what_finished_needs_no_more() -> None:
    assert said("j", "--state", "FINISHED", "--checkpoint", "c") == "stopped"


def test_what_is_left_on_a_cluster_can_be_stopped() -> None:
    events: list[Event] = []
    telling_how_to_stop(events.append)(Started("j", "ab12", "http://here:8081"))
    assert isinstance(events[0], Started)
    assert events[1:] == [
        Note(
            "j",
            "to stop it: on http://here:8081/#/job/running/ab12, "
            "or: curl -X PATCH 'http://here:8081/jobs/ab12?mode=cancel'",
        )
    ]
