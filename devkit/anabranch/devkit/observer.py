"""Watches a running demo: samples for the timeline, the right moment for the fault, and proof that it bit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from anabranch.devkit.dataset import STREAM
from anabranch.devkit.demo_jobs import DemoJobs
from anabranch.devkit.demo_replay import Replay
from anabranch.devkit.evidence import FaultEvidence
from anabranch.devkit.nemesis import FaultKind, FaultPlan
from anabranch.devkit.offsets import LogPositions, OffsetWatch
from anabranch.devkit.timeline import Clock, Sample, Timeline

__all__ = ["Observer"]

# Reading is in full swing when each job has a checkpoint to come back to.
_CHECKPOINTS_BEFORE_STRIKE = 1
# Of the input, acknowledged: beyond every planned moment, and with enough left to be sent after the fault.
_LATEST_SHARE = 0.6
_FRESH_WITHIN_S = 30.0

_Ends = Mapping[str, Mapping[int, int]]


class Observer:
    """Asks brokers, Flink and producers, and changes none of them. For one thread's use, unless said."""

    def __init__(
        self,
        clients: Mapping[str, Mapping[str, str]],
        jobs: DemoJobs,
        replay: Replay,
        timeline: Timeline,
        clock: Clock,
    ) -> None:
        self._jobs = jobs
        self._replay = replay
        self._timeline = timeline
        self._watch = OffsetWatch(clients, STREAM, jobs.groups)
        self._clock = clock
        self._unread = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.close()

    def sample(self) -> Sample:
        """Looks at everything once and adds it to the timeline."""
        self._jobs.check()
        progress, positions = self._replay.progress, self._watch.positions()
        sample = Sample(
            at_s=self._clock.now_s,
            sent=progress.sent,
            acknowledged={name: progress.acknowledged.get(name, 0) for name in positions},
            consumed=self._jobs.records_read(),
            lag={
                name: max(log.lag(group) for group in self._jobs.groups)
                for name, log in positions.items()
                if log.answers
            },
            checkpoints=self._jobs.checkpoints(),
            # One that was never heard of is still being asked for the first time.
            down=frozenset(name for name, log in positions.items() if log.ends and not log.answers),
        )
        self._timeline.samples.append(sample)
        return sample

    def may_strike(self, plan: FaultPlan) -> bool:
        """Whether the planned moment has come, with both jobs reading and a checkpoint behind each."""
        if plan.kind is FaultKind.NONE or not self._timeline.samples:
            return False
        latest = self._timeline.samples[-1]
        return (
            sum(latest.acknowledged.values()) >= plan.at_share * self._replay.total
            and len(latest.checkpoints) == len(self._jobs.groups)
            and all(count >= _CHECKPOINTS_BEFORE_STRIKE for count in latest.checkpoints.values())
            and all(count > 0 for count in latest.consumed.values())
        )

    def strikes_late(self, plan: FaultPlan) -> bool:
        """Whether the planned moment is long over and may not come while anything is left to be sent.

        On a busy machine all can be sent before the jobs have a checkpoint: then no fault proves anything.
        """
        if plan.kind is FaultKind.NONE or not self._timeline.samples:
            return False
        acknowledged = sum(self._timeline.samples[-1].acknowledged.values())
        return acknowledged >= _LATEST_SHARE * self._replay.total

    def note_unread(self, plan: FaultPlan) -> None:
        """Notes what the victim holds that a job has not read; may be called from any thread.

        Of a primary that is away, the records that it had acknowledged count; a TaskManager holds none, so
        there it is what no completed checkpoint covers, on all primaries.
        """
        if plan.on_primary:
            ends = self._replay.progress.ends.get(plan.victim, {})
            self._unread = max(
                sum(
                    max(0, end - read[plan.victim, int(part)])
                    for part, end in ends.items()
                    # A position that is not known proves nothing.
                    if (plan.victim, int(part)) in read
                )
                for read in self._jobs.positions_read().values()
            )
        else:
            logs = self._watch.positions().values()
            self._unread = max(sum(log.lag(group) for log in logs) for group in self._jobs.groups)

    def fault_evidence(self, plan: FaultPlan) -> FaultEvidence:
        """What shows that the fault bit."""
        return FaultEvidence(
            kind=str(plan.kind),
            victim=plan.victim,
            unread_on_victim=self._unread,
            ambiguous_sends=self._replay.progress.ambiguous,
            restores=self._jobs.restores(),
        )

    def fresh_ends(self) -> _Ends:
        """End offsets of every log, as each primary says from now on; one that is silent is left out."""
        asked_at, deadline = self._watch.positions(), time.monotonic() + _FRESH_WITHIN_S
        while time.monotonic() < deadline:
            now = self._watch.positions()
            if all(now[name] is not asked_at[name] and now[name].answers for name in now):
                break
            time.sleep(0.1)
        return {name: log.ends for name, log in self._watch.positions().items() if log.answers}

    def undrained(self, ends: _Ends) -> list[str]:
        """Logs whose end a job has not committed, in words; primaries that do not answer included."""
        positions = self._watch.positions()
        left = [f"primary {name} does not answer" for name in positions.keys() - ends.keys()]
        for name, log in positions.items():
            known = LogPositions(ends.get(name, {}), log.committed)
            for group in self._jobs.groups:
                left += [f"{group} on {name}, {text}" for text in known.behind(group)]
        return left
