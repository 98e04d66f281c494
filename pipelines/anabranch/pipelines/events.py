"""What happens to a job while it runs, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Event", "Failing", "Note", "OnEvent", "PrimaryHealth", "Progress", "Started", "Stopped"]


@dataclass(frozen=True)
class Event:
    """Base of all; :meth:`as_dict` is what ``--json`` prints."""

    job: str

    def as_dict(self) -> dict[str, Any]:
        """The event's name and its fields."""
        return {"event": type(self).__name__.lower(), **asdict(self)}


@dataclass(frozen=True)
class Note(Event):
    """Something worth a line: a primary that is down, where Flink's log is."""

    text: str


@dataclass(frozen=True)
class Started(Event):
    """Flink accepted the job; ``web`` is the address of its REST API."""

    job_id: str
    web: str


@dataclass(frozen=True)
class PrimaryHealth:
    """One primary, as the sources and sinks of a job see it.

    Attributes:
        name: As in the topology, but that Flink writes ``_`` for a dot.
        in_topology: Sources are to read it still; also where there is no source.
        answers: It answers all sources that want something of it; None where there are none.
        takes: It takes records of all sinks; None where there are none.
        parked: Partitions that are not being read, for any reason.
        lag: Records that wait there, as far as was last seen.
        lost_ranges: Ranges of records that are gone from its logs, since the tasks started.
        lost_records: How many records of these ranges are known of, read or not: what a log that was
            replaced by another one had after the last record that was read, nobody knows.
        trouble: Why it did not answer when sources last looked what it has; empty where it did.
    """

    name: str
    in_topology: bool
    answers: bool | None
    takes: bool | None
    parked: int
    lag: int
    lost_ranges: int
    lost_records: int = 0
    trouble: str = ""

    @property
    def up(self) -> bool:
        """Nobody misses it."""
        return self.answers is not False and self.takes is not False


@dataclass(frozen=True)
class Progress(Event):
    """How far it is.

    Attributes:
        state: Flink's word: CREATED, RUNNING, RESTARTING, …
        tasks_running: Tasks that run now.
        tasks: Tasks that it has.
        records_in: Read by sources since the last start of their tasks. Flink counts only what tasks hand to
            each other: 0 where one task does it all.
        records_out: Handed to sinks, likewise.
        checkpoints: Completed so far.
        restarts: Of the whole job.
        dead_letters: Records set aside by its tasks, counted like those that are read.
        primaries: By name; none as long as Flink does not know them.
        away: Of these, the names of those that have not answered, or taken records, for a while.
        late_records: Decoded behind the watermark, counted like those that are read.
        degraded: Written to fewer primaries than the stream's copies, because ``degrade-after`` allows it;
            counted likewise.
        repeated_ids: Written under an id that another row has, of which readers keep one; counted likewise,
            and not all are noticed.
        checkpoint_failure: Why the newest checkpoint failed, in Flink's words; None where it did not.
    """

    state: str
    tasks_running: int
    tasks: int
    records_in: int
    records_out: int
    checkpoints: int
    restarts: int
    dead_letters: int = 0
    primaries: tuple[PrimaryHealth, ...] = ()
    away: tuple[str, ...] = ()
    late_records: int = 0
    degraded: int = 0
    repeated_ids: int = 0
    checkpoint_failure: str | None = None


@dataclass(frozen=True)
class Failing(Event):
    """It failed and Flink tries again.

    Attributes:
        cause: One line.
        where: The user's own, if it failed there.
        hint: What to do, of a cause that is known; once in a run.
    """

    cause: str
    where: str | None = None
    hint: str | None = None


@dataclass(frozen=True)
class Stopped(Event):
    """It ended: FINISHED, CANCELED or FAILED; or UNKNOWN, where its cluster does not answer any more.

    Attributes:
        state: Flink's word, or that one.
        checkpoint: The last one that was kept, or else the one that this run was restored from. None of a
            job that finished: Flink deletes its checkpoints.
        records_in: As in :class:`Progress`: of a job that finished, at its end; of one that was cancelled, in
            the last that was seen. None of others, and where Flink did not tell.
        records_out: Likewise.
        dead_letters: At least so many were set aside, as far as was seen; a restart counts none twice.
        late_records: Likewise.
        degraded: Likewise.
        repeated_ids: Likewise.
        took_s: Since Flink accepted it, seconds. No two runs are told apart by it.
    """

    state: str
    checkpoint: str | None
    records_in: int | None = None
    records_out: int | None = None
    dead_letters: int = 0
    late_records: int = 0
    degraded: int = 0
    repeated_ids: int = 0
    took_s: float | None = field(default=None, compare=False)


OnEvent = Callable[[Event], None]
"""Called with whatever happens, in order."""
