"""Two kinds of chart as plain SVG text, so that a report is one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

from anabranch.devkit.timeline import Mark

__all__ = ["PALETTE", "line_chart", "stacked_bars"]

# Told apart also by people who do not see red and green alike (Okabe and Ito).
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")

_WIDTH, _HEIGHT = 860, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 16, 34, 40
_LINE = 14
_NUMBER_WIDTH = 16  # two digits at 11 pixels, and a gap


class _Span(NamedTuple):
    """What the horizontal axis shows: the start of clusters and jobs, before it, has no lines to show."""

    first_s: float
    last_s: float

    @property
    def length_s(self) -> float:
        return self.last_s - self.first_s or 1.0

    def x(self, at_s: float) -> float:
        return _LEFT + (at_s - self.first_s) / self.length_s * (_WIDTH - _LEFT - _RIGHT)


_Series = Mapping[str, Sequence[tuple[float, float]]]


def line_chart(title: str, unit: str, series: _Series, marks: Sequence[Mark]) -> str:
    """Lines over time with the marks as numbered verticals, and a line for each below.

    Args:
        title: Heading of the chart.
        unit: What the vertical axis counts.
        series: By name, (seconds, value) in order of time.
        marks: What was done, and when.
    """
    points = [point for line in series.values() for point in line]
    if not points:
        return f"<p>{escape(title)}: nothing was measured.</p>"
    span = _Span(min(at for at, _ in points), max(at for at, _ in points))
    step = _nice_step(max(value for _, value in points) or 1.0)
    top = step * ceil((max(value for _, value in points) or 1.0) / step)
    parts = [_frame(title, unit), *_horizontal_grid(step, top), *_time_axis(span)]
    for colour, (name, line) in zip(PALETTE, series.items(), strict=False):
        path = " ".join(f"{span.x(at):.1f},{_y(value, top):.1f}" for at, value in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8">')
        parts.append(f"<title>{escape(name)}</title></polyline>")
    parts += _marks(marks, span)
    parts += _legend(list(series))
    parts += _mark_legend(marks)
    return _svg(parts, _HEIGHT + _LINE * len(marks) + 6)


def stacked_bars(title: str, unit: str, bars: Mapping[str, Mapping[str, int]]) -> str:
    """One horizontal bar a name, its parts side by side, each with its number."""
    names = list(bars)
    parts_seen = list(dict.fromkeys(part for bar in bars.values() for part in bar))
    longest = max((sum(bar.values()) for bar in bars.values()), default=0) or 1
    height = _TOP + 34 * len(names) + 30
    parts = [f'<text x="{_LEFT}" y="18" class="t">{escape(title)} ({escape(unit)})</text>']
    for row, name in enumerate(names):
        y, x = _TOP + 34 * row, float(_LEFT)
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>')
        for part, value in bars[name].items():
            width = value / longest * (_WIDTH - _LEFT - _RIGHT)
            colour = PALETTE[parts_seen.index(part) % len(PALETTE)]
            label = f"{name}, {part}: {value:,}"
            parts.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="22" fill="{colour}">')
            parts.append(f"<title>{escape(label)}</title></rect>")
            if width > 60:
                parts.append(f'<text x="{x + 6:.1f}" y="{y + 16}" class="in">{value:,}</text>')
            x += width
    parts += _legend(parts_seen, y=height - 12)
    return _svg(parts, height)


def _nice_step(top: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides 0..top into three to seven parts."""
    raw = top / 5
    power = float(10 ** floor(log10(raw)))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)


def _frame(title: str, unit: str) -> str:
    return f'<text x="{_LEFT}" y="18" class="t">{escape(title)} ({escape(unit)})</text>'


def _horizontal_grid(step: float, top: float) -> list[str]:
    parts = []
    for line in range(round(top / step) + 1):
        y = _y(line * step, top)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="g"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{line * step:,.6g}</text>')
    return parts


def _time_axis(span: _Span) -> list[str]:
    step = _nice_step(span.length_s)
    ticks = [tick * step for tick in range(ceil(span.first_s / step), floor(span.last_s / step) + 1)]
    y = _HEIGHT - _BOTTOM + 16
    return [f'<text x="{span.x(at):.1f}" y="{y}" text-anchor="middle">{at:g} s</text>' for at in ticks]


def _marks(marks: Sequence[Mark], span: _Span) -> list[str]:
    """A dashed vertical each, with a number: the sentences are long, and several often fall in one second."""
    parts: list[str] = []
    ends: list[float] = []  # of the last number of each row, from the top
    for number, mark in enumerate(marks, 1):
        x = span.x(min(max(mark.at_s, span.first_s), span.last_s))
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" class="m"/>')
        row = next((row for row, end in enumerate(ends) if end < x), len(ends))
        ends[row : row + 1] = [x + _NUMBER_WIDTH]
        y = _TOP + 10 + _LINE * row
        parts.append(
            f'<text x="{x + 3:.1f}" y="{y}" class="m">{number}<title>{escape(mark.text)}</title></text>'
        )
    return parts


def _mark_legend(marks: Sequence[Mark]) -> list[str]:
    parts = []
    for number, mark in enumerate(marks, 1):
        y = _HEIGHT + _LINE * number
        parts.append(f'<text x="{_LEFT + 12}" y="{y}" class="m" text-anchor="end">{number}</text>')
        parts.append(f'<text x="{_LEFT + 60}" y="{y}" text-anchor="end">{mark.at_s:.1f} s</text>')
        parts.append(f'<text x="{_LEFT + 70}" y="{y}">{escape(mark.text)}</text>')
    return parts


def _legend(names: Sequence[str], y: int = _HEIGHT - 6) -> list[str]:
    parts, x = [], _LEFT
    for colour, name in zip(PALETTE, names, strict=False):
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 15}" y="{y}">{escape(name)}</text>')
        x += 40 + 7 * len(name)
    return parts


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)


def _svg(parts: list[str], height: int) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(parts)}</svg>'
