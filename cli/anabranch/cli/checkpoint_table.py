"""How restore points are shown: a table of several, and all of one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.connectors.flink.restore_points import RestorePoint

__all__ = ["details", "size", "table"]

_HEADINGS = ("taken", "run", "kind", "size", "files", "state", "where")
# Of a job's id, enough to tell runs apart.
_OF_RUN = 8
_UNITS = ("kB", "MB", "GB", "TB")


def table(points: Sequence[RestorePoint]) -> list[str]:
    """Lines: one a restore point, and a second with the reason below what is not complete."""
    rows = [_HEADINGS, *(_row(point) for point in points)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    for place, point in reversed(list(enumerate(points, start=1))):
        if point.problem is not None:
            lines.insert(place + 1, f"    {point.problem}")
    return [line.rstrip() for line in lines]


def details(point: RestorePoint, told: Mapping[str, Any]) -> Iterator[str]:
    """Lines of one.

    Args:
        point: As it is listed.
        told: All that the JVM tells of it.
    """
    yield f"{point.uri}: {point.kind or 'unreadable'}, {point.problem or 'complete'}"
    if point.kind is None:
        return
    yield f"  checkpoint {point.checkpoint_id}, taken {_time(point.modified_ms)}"
    metadata = size(told["metadata_bytes"])
    yield f"  {size(point.bytes)}: {metadata} of metadata, and {point.files} files"
    yield "operators"
    for operator in told["operators"]:
        yield f"  {operator['uid'] or operator['hash']}  {_first(operator['name'])}"
        finished = ", finished" if operator["finished"] else ""
        yield (
            f"    hash {operator['hash']}, parallelism {operator['parallelism']}"
            f" (at most {operator['max_parallelism']}), {size(operator['bytes'])}{finished}"
        )
    own = [file for file in told["referenced"] if file["own"]]
    shared = [file for file in told["referenced"] if not file["own"]]
    yield from _files("files in its own folder", own)
    yield from _files("files elsewhere, which other checkpoints may share", shared)


def size(count: int | None) -> str:
    """Bytes as people write them; empty if not known."""
    if count is None:
        return ""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    unit = -1
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_UNITS[unit]}"


def _files(heading: str, files: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if files:
        yield f"{heading} ({len(files)})"
        yield from (f"  {file['uri']}  {size(file['bytes'])}" for file in files)


def _row(point: RestorePoint) -> tuple[str, ...]:
    from anabranch.pipelines.restore_points import run_of

    return (
        _time(point.modified_ms),
        (run_of(point) or "")[:_OF_RUN],
        point.kind or "",
        size(point.bytes),
        "" if point.files is None else str(point.files),
        "complete" if point.is_complete else "broken",
        point.uri,
    )


def _time(milliseconds: int) -> str:
    if milliseconds <= 0:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds / 1000))


def _first(name: str | None) -> str:
    """As much of a name as a line holds: SQL's are whole expressions."""
    return (name or "")[:80]
