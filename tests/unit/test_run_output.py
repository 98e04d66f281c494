"""What `anabranch run` prints where no terminal is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anabranch.cli.letters_line import telling_of_dead_letters
from anabranch.cli.run_output import output_for
from anabranch.pipelines.events import Event, Failing, Note, PrimaryHealth, Progress, Stopped
from anabranch.pipelines.layers import Resolved
from anabranch.pipelines.settings import Settings


def printed(capsys: pytest.CaptureFixture[str], *events: Event) -> list[str]:
    with output_for(as_json=False) as on_event:
        for event in events:
            on_event(event)
    return capsys.readouterr().out.splitlines()


def progress(read: int, written: int) -> Progress:
    return Progress("j", "RUNNING", 3, 3, read, written, 1, 0)


def test_the_last_progress_is_shown_however_close_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, progress(300, 0), progress(5000, 12), Stopped("j", "FINISHED", None))
    assert lines == [
        "j: running, 3/3 tasks, 300 read, 1 checkpoints",
        "j: running, 3/3 tasks, 5,000 read, 12 written, 1 checkpoints",
        "j: finished",
    ]


def test_totals_stand_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = printed(capsys, Stopped("j", "FINISHED", None, 5000, 12, 1, 3, 4, took_s=41.6))
    assert line == (
        "j: 5,000 read, 12 written, 4 with too few copies, 3 late, 1 dead letter, finished after 42 s"
    )
    (line,) = printed(capsys, Stopped("j", "FINISHED", None, 5000, 12, repeated_ids=6))
    assert line == "j: 5,000 read, 12 written, 6 with an id of another row, finished"


def test_primaries_that_are_away_and_what_waits_stand_in_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    a = PrimaryHealth("a", in_topology=True, answers=True, takes=None, parked=0, lag=1200, lost_ranges=0)
    b = PrimaryHealth("b", in_topology=True, answers=False, takes=None, parked=2, lag=70, lost_ranges=0)
    now = replace(progress(5, 5), primaries=(a, b), away=("b",))
    assert printed(capsys, now) == [
        "j: running, 3/3 tasks, 5 read, 5 written, 1,200 waiting, b away, 1 checkpoints"
    ]


def test_counts_that_are_not_known_are_not_shown_as_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, Stopped("j", "FINISHED", None, 0, 0)) == ["j: finished"]
    (line,) = printed(capsys, Stopped("j", "CANCELED", "file:/chk-1"))
    assert line == "j: canceled; last checkpoint: file:/chk-1"
    assert printed(capsys, Stopped("j", "UNKNOWN", None)) == ["j: not known to have ended"]


def test_that_nothing_was_written_is_said_of_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = printed(capsys, Stopped("j", "FINISHED", None, 7, 0, 7))
    assert line == "j: 7 read, 0 written, 7 dead letters, finished"


def test_what_to_do_about_a_restart_stands_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, Failing("j", "no slots", None, "add some"), Failing("j", "no slots"))
    assert lines == ["j: restarting after: no slots", "  next: add some", "j: restarting after: no slots"]


def test_dead_letters_stand_with_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(
        capsys,
        Progress("j", "RUNNING", 3, 3, 3, 0, 1, 0, 1),
        Stopped("j", "FINISHED", None, 3, 1, 2),
    )
    assert lines == [
        "j: running, 3/3 tasks, 3 read, 1 dead letter, 1 checkpoints",
        "j: 3 read, 1 written, 2 dead letters, finished",
    ]


@pytest.mark.parametrize(
    ("settings", "source", "command"),
    [
        ({"topology": "/t.yaml"}, "ANABRANCH_TOPOLOGY", "anabranch dead-letters show --job j"),
        (
            {"topology": "/t.yaml", "dead_letters": "bad"},
            "--topology",
            "anabranch dead-letters show --job j --stream bad --topology /t.yaml",
        ),
        (
            {"topology": "https://me:pw@host/t.yaml?sig=pw"},
            "--topology",
            "anabranch dead-letters show --job j --topology 'https://host/t.yaml?******'",
        ),
        (
            {"topology": "/t.yaml", "dead_letters": "bad", "inputs": {"dead-letters": "of-inputs"}},
            "ANABRANCH_TOPOLOGY",
            "anabranch dead-letters show --job j --stream of-inputs",
        ),
    ],
)
def test_the_command_that_shows_them_follows(settings: dict[str, Any], source: str, command: str) -> None:
    told: list[Event] = []
    tell = telling_of_dead_letters(told.append, Resolved(Settings(**settings), {"topology": source}))
    tell(Stopped("j", "FINISHED", None))
    assert len(told) == 1
    tell(Stopped("j", "FINISHED", None, dead_letters=2))
    assert told[2:] == [Note("j", f"to see the dead letters: {command}")]


def test_where_no_letters_are_written_there_are_none_to_show() -> None:
    told: list[Event] = []
    tell = telling_of_dead_letters(told.append, Resolved(Settings(topology="/t.yaml", dead_letters=None), {}))
    tell(Stopped("j", "FAILED", None, dead_letters=1))
    assert told == [Stopped("j", "FAILED", None, dead_letters=1)]
