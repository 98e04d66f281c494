"""What was seen while the demo ran: samples at regular times, and marks where something was done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Clock", "Mark", "Sample", "Timeline"]


@dataclass(frozen=True)
class Clock:
    """The one clock of a run, so that what is printed and what the report shows can be laid side by side."""

    began: float = field(default_factory=time.monotonic)

    @property
    def now_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began


@dataclass(frozen=True, slots=True)
class Sample:
    """Cumulative figures at one moment.

    Attributes:
        at_s: Seconds since the run began.
        sent: Records handed to Prism.
        acknowledged: Acknowledgements by primary.
        consumed: Records that left the union source, by job.
        lag: Records that the slowest job has yet to commit, by primary; absent where it is down, or has not
            answered yet.
        checkpoints: Completed checkpoints by job.
        down: Primaries that do not answer any more.
    """

    at_s: float
    sent: int
    acknowledged: Mapping[str, int]
    consumed: Mapping[str, int]
    lag: Mapping[str, int]
    checkpoints: Mapping[str, int]
    down: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was done: ``at_s`` seconds since the run began."""

    at_s: float
    text: str


@dataclass
class Timeline:
    """All samples and marks of one run, in order of time."""

    primaries: tuple[str, ...]
    samples: list[Sample] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def rates(self) -> dict[str, list[tuple[float, float]]]:
        """Acknowledged records per second by primary, as (seconds, records/s) at the end of each interval."""
        series: dict[str, list[tuple[float, float]]] = {name: [] for name in self.primaries}
        for before, after in zip(self.samples, self.samples[1:], strict=False):
            elapsed = after.at_s - before.at_s
            if elapsed <= 0:
                continue
            for name in self.primaries:
                gained = after.acknowledged.get(name, 0) - before.acknowledged.get(name, 0)
                series[name].append((after.at_s, gained / elapsed))
        return series

    def consumption(self) -> dict[str, list[tuple[float, float]]]:
        """Consumed records per second by job, as (seconds, records/s)."""
        jobs = sorted({job for sample in self.samples for job in sample.consumed})
        series: dict[str, list[tuple[float, float]]] = {job: [] for job in jobs}
        for before, after in zip(self.samples, self.samples[1:], strict=False):
            elapsed = after.at_s - before.at_s
            for job in jobs:
                # A restored job counts from its checkpoint again; a rate is never negative.
                gained = max(0, after.consumed.get(job, 0) - before.consumed.get(job, 0))
                if elapsed > 0:
                    series[job].append((after.at_s, gained / elapsed))
        return series

    def lags(self) -> dict[str, list[tuple[float, float]]]:
        """Lag in records by primary, as (seconds, records); moments without an answer are left out."""
        return {
            name: [(sample.at_s, float(sample.lag[name])) for sample in self.samples if name in sample.lag]
            for name in self.primaries
        }
