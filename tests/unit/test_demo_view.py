"""What the demo prints while it runs and at its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from anabranch.cli.demo_view import _BarView, _conclusion, _sample_line, choose_view
from anabranch.devkit.demo import DemoResult, Progress
from anabranch.devkit.evidence import Evidence, FaultEvidence
from anabranch.devkit.figures import FIGURES, LAG, READ
from anabranch.devkit.ledger import Ledger
from anabranch.devkit.nemesis import FaultKind, FaultPlan
from anabranch.devkit.timeline import Sample
from anabranch.devkit.verifier import Verdict, verify


def test_lag_of_a_primary_that_was_not_heard_of_yet_is_left_open() -> None:
    sample = Sample(1.0, 0, {"a": 0, "b": 0, "c": 0}, {}, {"b": 1200}, {}, frozenset({"c"}))
    assert "lag a - b 1,200 c down" in _sample_line(sample, 10)


def test_times_are_those_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    choose_view(as_json=True).show(Progress(12.34, "kill -9 primary b"))
    assert capsys.readouterr().err == "  12.3 s  kill -9 primary b\n", "as in the report"


def test_a_sentence_is_shown_as_it_is_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    _BarView(Console(width=80)).show(Progress(12.34, "reading logs[/old].tsv [dim] :smile:"))
    assert capsys.readouterr().out == "  12.3 s  reading logs[/old].tsv [dim] :smile:\n"


def test_a_verdict_is_told_also_where_its_report_could_not_be_written() -> None:
    plan = FaultPlan(FaultKind.KILL, "a", 0.3, 5.0)
    result = DemoResult(Verdict(), {}, {}, plan, None, 1.0, "file:///c")
    report, verdict = _conclusion(result)[-2:]
    assert report == "report: not written"
    assert verdict.startswith("verdict: OK ")
    assert result.as_json()["report"] is None


def test_where_checkpoints_went_is_told_to_people_and_machines() -> None:
    plan = FaultPlan(FaultKind.TASKMANAGER, "1", 0.3, 5.0)
    place = "abfss://state@anabranch.dfs.core.windows.net/checkpoints"
    restored = f"{place}/ab/chk-7"
    result = DemoResult(Verdict(), {}, {}, plan, None, 1.0, place, (restored,))
    lines = _conclusion(result)
    assert f"checkpoints: {place}" in lines
    assert f"  a job was restored from {restored}" in lines
    assert result.as_json()["checkpoints"] == place
    assert result.as_json()["restored_from"] == [restored]


def test_figures_that_do_not_tell_by_themselves_are_explained() -> None:
    figures = {"sent": 10, "unknown": 0, "raw_duplicates": 3, "counted": 9}
    plan = FaultPlan(FaultKind.KILL, "a", 0.3, 5.0)
    lines = _conclusion(DemoResult(Verdict((), figures), {}, {}, plan, Path("r.html"), 1.0, "file:///c"))
    assert f"  raw_duplicates: {FIGURES['raw_duplicates']}" in lines
    assert f"  counted: {FIGURES['counted']}" in lines
    assert f"  read: {READ}" in lines, "it is above what was sent"
    assert any(line.startswith(f"  lag: {LAG}") for line in lines), "it is left when all has been read"
    assert not [line for line in lines if line.startswith("  unknown")], "none: nothing to explain"


def test_every_figure_has_its_half_line() -> None:
    nothing = Evidence(
        ledger=Ledger(), run_of={}, copies={}, corrupt=(), fabricated=(), misplaced={}, copies_wanted=1,
        counted={}, emitted_scores={}, official_scores={}, undrained=(), planted={},
        readers=(), letters={}, mended={},
        fault=FaultEvidence("none"),
    )  # fmt: skip
    assert verify(nothing).figures.keys() == FIGURES.keys()
