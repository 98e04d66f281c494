"""The report of a run: one self-contained HTML file with charts, where each record went, and the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from anabranch.devkit.charts import line_chart, stacked_bars
from anabranch.devkit.figures import FIGURES, LAG, READ
from anabranch.devkit.state import write_atomically
from anabranch.devkit.timeline import Timeline
from anabranch.devkit.verifier import SCORE_TOLERANCE_MIN, Verdict

__all__ = ["ReportData", "write_report"]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 920px; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; margin: .4rem 0; }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
svg text.t { font-size: 13px; font-weight: 600; } svg text.in { fill: #fff; }
svg .g { stroke: var(--line); stroke-width: .6; }
svg line.m { stroke: #d00; stroke-width: 1; stroke-dasharray: 4 3; } svg text.m { fill: #d00; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
td, th { border-bottom: 1px solid var(--line); padding: .2rem .5rem; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.verdict { padding: .8rem 1rem; border-left: 6px solid; background: var(--soft); }
.ok { border-color: #009e73; } .bad { border-color: #d00; }
"""


@dataclass(frozen=True)
class ReportData:
    """What the report shows.

    Attributes:
        title: One line: what was run.
        verdict: The outcome.
        timeline: Samples and marks.
        destinations: By primary, records by what became of them (first copy, further copies).
        official: Official minutes by group.
        emitted: The leaderboard's minutes by group.
        command: The command that made this run.
    """

    title: str
    verdict: Verdict
    timeline: Timeline
    destinations: Mapping[str, Mapping[str, int]]
    official: Mapping[str, float | None]
    emitted: Mapping[str, float | None]
    command: str


def write_report(path: Path, data: ReportData) -> None:
    """Writes the report; an existing file is replaced whole."""
    marks = data.timeline.marks
    body = [
        f"<h1>{escape(data.title)}</h1>",
        f"<p><code>{escape(data.command)}</code></p>",
        _verdict(data.verdict),
        "<p>Times are seconds since the run began, as it printed them.</p>",
        line_chart("Acknowledged by primary", "records/s", data.timeline.rates(), marks),
        line_chart("Read by job", "records/s", data.timeline.consumption(), marks),
        f"<p>Read: {READ}.</p>",
        line_chart("Lag by primary", LAG, data.timeline.lags(), marks),
        stacked_bars("Where each record went", "records", data.destinations),
        _figures(data.verdict),
        _table(data.official, data.emitted),
    ]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(data.title)}</title><style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )
    write_atomically(path, page)


def _verdict(verdict: Verdict) -> str:
    kind = "ok" if verdict.ok else "bad"
    items = "".join(
        f"<li><b>{finding.name}</b> {escape(finding.detail)}</li>" for finding in verdict.findings[:50]
    )
    more = len(verdict.findings) - 50
    if more > 0:
        items += f"<li>and {more} more</li>"
    return (
        f'<div class="verdict {kind}"><b>{verdict.name}</b>: {escape(verdict.name.meaning)}.'
        f"{f'<ul>{items}</ul>' if items else ''}</div>"
    )


def _figures(verdict: Verdict) -> str:
    rows = "".join(
        f'<tr><td>{escape(name.replace("_", " "))}</td><td class="n">{value:,}</td>'
        f"<td>{escape(FIGURES.get(name, ''))}</td></tr>"
        for name, value in verdict.figures.items()
    )
    return f"<h2>Figures</h2><table>{rows}</table>"


def _table(official: Mapping[str, float | None], emitted: Mapping[str, float | None]) -> str:
    rows = []
    for group in sorted(official.keys() | emitted.keys()):
        left, right = official.get(group), emitted.get(group)
        same = left is right or (
            left is not None and right is not None and abs(left - right) <= SCORE_TOLERANCE_MIN
        )
        same = same and group in official and group in emitted
        rows.append(
            f'<tr><td>{escape(group)}</td><td class="n">{_minutes(left)}</td>'
            f'<td class="n">{_minutes(right)}</td><td>{"" if same else "differs"}</td></tr>'
        )
    head = (
        '<tr><th>Group</th><th class="n">official, min</th><th class="n">leaderboard, min</th><th></th></tr>'
    )
    return f"<h2>Leaderboard beside the official table</h2><table>{head}{''.join(rows)}</table>"


def _minutes(score: float | None) -> str:
    return "no score" if score is None else f"{score:.6f}"
