"""How the demo's progress is shown: bars on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from anabranch.devkit.demo import DemoResult, Progress
from anabranch.devkit.figures import FIGURES, LAG, READ
from anabranch.devkit.timeline import Sample

__all__ = ["View", "choose_view"]

_LINE_EVERY_S = 2.0


class View(AbstractContextManager["View"], Protocol):
    """What the demo reports to; called from its thread only."""

    def show(self, progress: Progress) -> None:
        """Takes in what happened: a sentence, a sample, or both."""

    def conclude(self, result: DemoResult) -> None:
        """Shows the outcome."""


def choose_view(*, as_json: bool) -> View:
    """Bars on a terminal; lines elsewhere, on stderr when stdout carries JSON."""
    if sys.stdout.isatty() and not as_json:
        return _BarView(Console())
    return _LineView(to_stderr=as_json)


class _LineView:
    """One line a sentence, and one every two seconds while records flow."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._to_stderr = to_stderr
        self._next_line = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held."""

    def show(self, progress: Progress) -> None:
        """Writes sentences at once and samples now and then."""
        if progress.text:
            self._write(progress.at_s, progress.text)
        if progress.sample is not None and progress.at_s >= self._next_line:
            self._next_line = progress.at_s + _LINE_EVERY_S
            self._write(progress.at_s, _sample_line(progress.sample, progress.total))

    def conclude(self, result: DemoResult) -> None:
        """Writes table, figures and verdict."""
        for line in _conclusion(result):
            self._write(result.took_s, line)

    def _write(self, at_s: float, text: str) -> None:
        click.echo(f"{at_s:6.1f} s  {text}", err=self._to_stderr)


class _BarView:
    """Bars that are redrawn in place, sentences above them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=5, transient=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, progress: Progress) -> None:
        """Prints sentences above the bars and redraws these."""
        if progress.text:
            self._console.print(Text.assemble((f"{progress.at_s:6.1f} s", "dim"), "  ", progress.text))
        if progress.sample is not None:
            self._live.update(Group(*_bars(progress.sample, progress.total)))

    def conclude(self, result: DemoResult) -> None:
        """Prints table, figures and verdict."""
        for line in _conclusion(result):
            style = ("bold green" if result.verdict.ok else "bold red") if line.startswith("verdict") else ""
            self._console.print(Text(line, style=style))


def _conclusion(result: DemoResult) -> list[str]:
    """The end of a run in lines: a part of the table, the figures, the findings, the verdict."""
    groups = sorted(result.official)
    lines = ["leaderboard beside the official table, minutes (all in the report):"]
    for group in groups[:8]:
        official, emitted = _minutes(result.official[group]), _minutes(result.emitted.get(group))
        lines.append(f"  {group:<58.58} {official:>12} {emitted:>12}")
    if len(groups) > 8:
        lines.append(f"  … and {len(groups) - 8} more, {result.equal_scores} of {len(groups)} equal")
    figures = result.verdict.figures
    lines.append("  ".join(f"{name} {figures[name]:,}" for name in _SHOWN_FIGURES if name in figures))
    lines += [f"  {name}: {FIGURES[name]}" for name in _EXPLAINED if figures.get(name)]
    lines += [f"  read: {READ}", f"  lag: {LAG}, by the job that has most of them; they may have been read"]
    lines += [f"{finding.name}: {finding.detail}" for finding in result.verdict.findings[:10]]
    if len(result.verdict.findings) > 10:
        lines.append(f"… and {len(result.verdict.findings) - 10} more findings")
    lines.append(f"checkpoints: {result.checkpoints}")
    lines += [f"  a job was restored from {path}" for path in result.restored_from]
    lines.append(f"report: {result.report or 'not written'}")
    lines.append(f"verdict: {result.verdict.name} ({result.verdict.name.meaning}), {result.took_s:.0f} s")
    return lines


_SHOWN_FIGURES = (
    "sent", "acknowledged", "unknown", "raw_duplicates", "counted", "planted", "dead_lettered", "mended",
)  # fmt: skip
# Those whose names do not tell.
_EXPLAINED = ("unknown", "raw_duplicates", "counted")


def _sample_line(sample: Sample, total: int) -> str:
    acknowledged = " ".join(f"{name} {count:,}" for name, count in sorted(sample.acknowledged.items()))
    read = " ".join(f"{job} {count:,}" for job, count in sample.consumed.items())
    lag = " ".join(f"{name} {text}" for name, text in _lags(sample).items())
    checkpoints = "/".join(str(count) for count in sample.checkpoints.values())
    return (
        f"sent {sample.sent:,} of {total:,} | acknowledged {acknowledged} | read {read} | lag {lag} | "
        f"checkpoints {checkpoints}"
    )


def _bars(sample: Sample, total: int) -> list[Table]:
    table = Table.grid(padding=(0, 2))
    table.add_row("sent", ProgressBar(total, sample.sent, width=40), f"{sample.sent:,} of {total:,}")
    for name, count in sorted(sample.acknowledged.items()):
        label = f"{count:,} acknowledged"
        table.add_row(f"primary {name}", ProgressBar(total, count, width=40), label)
    for job, count in sample.consumed.items():
        label = f"{count:,} read, {sample.checkpoints.get(job, 0)} checkpoints"
        table.add_row(job, ProgressBar(total, count, width=40), label)
    for name, text in _lags(sample).items():
        state = f"{text} not yet in a checkpoint" if name in sample.lag else text
        table.add_row(f"lag {name}", "", Text(state, style="bold red" if name in sample.down else ""))
    return [table]


def _lags(sample: Sample) -> dict[str, str]:
    """By primary, its lag in records, or why there is no number."""
    silent = {name: "down" if name in sample.down else "-" for name in sample.acknowledged}
    known = {name: f"{count:,}" for name, count in sample.lag.items()}
    return dict(sorted({**silent, **known}.items()))


def _minutes(score: float | None) -> str:
    return "no score" if score is None else f"{score:.6f}"
