"""How ``anabranch run`` shows events: one live line on a terminal, plain lines otherwise, or JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from anabranch.pipelines.events import Event, Failing, Note, OnEvent, Progress, Started, Stopped

__all__ = ["output_for"]

# Plain lines go to logs: often enough to see that it moves, rarely enough to read.
_PLAIN_INTERVAL_S = 5.0


@contextmanager
def output_for(as_json: bool) -> Iterator[OnEvent]:
    """What to call with each event."""
    if as_json:
        yield lambda event: click.echo(json.dumps(event.as_dict()))
    elif sys.stdout.isatty():
        yield from _live()
    else:
        yield _Plain()


class _Plain:
    """Lines; progress at most every few seconds, and what was the last of it before an end."""

    def __init__(self) -> None:
        self._last = float("-inf")
        self._held: Progress | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._held = event
            if time.monotonic() - self._last < _PLAIN_INTERVAL_S:
                return
            self._last = time.monotonic()
            self._held = None
        elif isinstance(event, Stopped) and self._held is not None:
            click.echo(_text_of(self._held))
        click.echo(_text_of(event))


def _live() -> Iterator[OnEvent]:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    with console.status("starting Flink …") as status:

        def show(event: Event) -> None:
            if isinstance(event, Progress):
                status.update(Text(_text_of(event)))
            else:
                # Whole lines, which the terminal wraps: what is broken here could not be copied.
                console.print(_text_of(event), markup=False, highlight=False, soft_wrap=True)

        yield show


def _text_of(event: Event) -> str:
    """One line for an event."""
    match event:
        case Note(job=job, text=text):
            return f"{job}: {text}"
        case Started(job=job, job_id=job_id, web=web):
            return f"{job}: started as {job_id} on {web}"
        case Progress() as now:
            return (
                f"{now.job}: {now.state.lower()}, {now.tasks_running}/{now.tasks} tasks, "
                f"{_records(now)}{_primaries(now)}{now.checkpoints} checkpoints"
                + (f", {now.restarts} restarts" if now.restarts else "")
            )
        case Failing(job=job, cause=cause, where=where, hint=hint):
            told = f"{job}: restarting after: {f'{where}: ' if where else ''}{cause}"
            return f"{told}\n  next: {hint}" if hint else told
        case Stopped() as end:
            kept = f"; last checkpoint: {end.checkpoint}" if end.checkpoint else ""
            state = "not known to have ended" if end.state == "UNKNOWN" else end.state.lower()
            took = "" if end.took_s is None else f" after {end.took_s:.0f} s"
            return f"{end.job}: {_records(end)}{state}{took}{kept}"
        case _:
            return f"{event.job}: {event}"


def _primaries(now: Progress) -> str:
    """What waits at those that answer, and which do not."""
    lag = sum(primary.lag for primary in now.primaries if primary.up)
    away = " and ".join(now.away)
    return (f"{lag:,} waiting, " if lag else "") + (f"{away} away, " if away else "")


def _records(event: Progress | Stopped) -> str:
    """The counts that are not 0, which Flink says also as long as it does not know them."""
    letters = "dead letter" if event.dead_letters == 1 else "dead letters"
    counts = (
        (event.records_in, "read"),
        (event.records_out, "written"),
        (event.degraded, "with too few copies"),
        (event.repeated_ids, "with an id of another row"),
        (event.late_records, "late"),
        (event.dead_letters, letters),
    )
    # It counts nothing where one task does it all; of a job that has ended and was seen to read it is known.
    known = isinstance(event, Stopped) and event.records_in and event.records_out == 0
    return "".join(f"{count:,} {what}, " for count, what in counts if count or (known and what == "written"))
