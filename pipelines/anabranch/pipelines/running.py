"""Submitting a job and following it to its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, TypeVar

from anabranch.connectors.flink.interrupts import Interrupt, Terminated, held_interrupt
from anabranch.connectors.flink.java_errors import causes_in_trace
from anabranch.connectors.flink.session import FlinkSession
from anabranch.connectors.flink.submission import Submission
from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.checkpoint_trouble import CheckpointTrouble
from anabranch.pipelines.context import RunContext
from anabranch.pipelines.events import Event, Failing, Note, OnEvent, Progress, Started, Stopped
from anabranch.pipelines.failing import PATIENCE, Streak, why_certain
from anabranch.pipelines.failures import is_forgotten, job_error, known_hint, told_at_write
from anabranch.pipelines.mini_batch import untimely
from anabranch.pipelines.only_run import only_run_here
from anabranch.pipelines.outages import Outages
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.retained import fallen_back, newest_of_run, remember_run
from anabranch.pipelines.run_logs import where_logs_are
from anabranch.pipelines.running_job import Failure, RunningJob, dead_letters_in
from anabranch.pipelines.silence import HEARTBEAT_S, Silence
from anabranch.pipelines.topology_age import TopologyAge, watched_topology
from anabranch.pipelines.traces import short_causes, user_frame

if TYPE_CHECKING:
    from anabranch.pipelines.job import Job

__all__ = ["run_until_end", "submit"]

_POLL_S = 0.5
_CANCEL_LIMIT_S = 60.0
# For so long Flink's API may repeat an answer (web.refresh-interval), and a little.
_STALE_S = 3.5
_ENDING = frozenset({"FAILING", "FAILED"})
_REST_TIMEOUT_S = 5.0
_REPEATED = (
    "rows of one stream have one id, so whoever reads it keeps one of them; where one input makes several"
    " rows, give each its own `ordinal` (a field with Metadata('ordinal')); docs/sql.md, Ids of appends."
    " Flink's log names the stream"
)

_T = TypeVar("_T")


def submit(job: Job, context: RunContext, on_event: OnEvent) -> str:
    """Builds the whole job and hands it to Flink; returns the job's id.

    Raises:
        ConfigurationError: The job writes nothing.
        AnabranchError: Flink refuses it; names the user's line.
    """
    run = _Run(job, context, on_event, _built(job, context, on_event))
    return run.submit()


def run_until_end(job: Job, context: RunContext, on_event: OnEvent) -> None:
    """Submits and follows; Ctrl-C and SIGTERM cancel the job and wait for that.

    Raises:
        ConfigurationError: The job runs in another process of this machine.
        JobError: It failed; names the user's line and the full trace's file.
        KeyboardInterrupt: It was cancelled; of SIGTERM a subclass, ``Terminated``.
    """
    here = context.settings.cluster is None
    with only_run_here(job.name, context.folder(job)) if here else contextlib.nullcontext():
        run = _Run(job, context, on_event, _built(job, context, on_event))
        # Not before: nothing is lost if nothing was submitted, and planning takes seconds.
        with (
            watched_topology(context.settings.topology, [write.options for write in job.writes]) as age,
            held_interrupt() as interrupt,
        ):
            try:
                run.submit()
                run.follow(interrupt, age)
            finally:
                run.close()


def _built(job: Job, context: RunContext, on_event: OnEvent) -> FlinkSession:
    builder = context.builder(job)
    builder.check_complete()
    context.check_restored(job)  # what is wrong with it is told before Flink starts
    on_event(Note(job.name, "starting Flink, which plans the job"))
    return builder.insert_all()


class _Run:
    """One job that is submitted, and what was seen of it.

    Args:
        job: Described and built.
        context: Of the run.
        on_event: Called with whatever happens.
        session: Holds what is submitted.
    """

    def __init__(self, job: Job, context: RunContext, on_event: OnEvent, session: FlinkSession) -> None:
        folder = context.folder(job)
        self._job, self._context, self._session = job, context, session
        self._name = job.name
        self._traces = folder / "traces"
        self._on_event = on_event
        self._told_at = time.monotonic()
        if session.log_folder is not None:
            on_event(Note(job.name, where_logs_are(session.log_folder, context.settings.cluster)))
        self._checkpoint = context.restored(job)
        if self._checkpoint is not None:
            on_event(Note(job.name, f"starts from {self._checkpoint}"))
            for note in context.restore_notes:
                on_event(Note(job.name, note))
            warning = fallen_back(context.settings.restore, folder, self._checkpoint)
            if warning is not None:
                on_event(Note(job.name, warning))
        with self._told_at_write():
            warning = untimely(lambda: _names(session), context.settings.mini_batch.latency_s)
        if warning is not None:
            on_event(Note(job.name, warning))
        self._shown: Progress | None = None
        self._silence = Silence(is_cluster=context.settings.cluster is not None)
        self._failed_ms = 0
        self._dead_letters = self._late_records = self._degraded = self._repeated_ids = 0
        self._streak = Streak()
        self._hints: set[str] = set()
        self._opened = contextlib.ExitStack()
        self._outages = Outages(bounded=context.settings.bounded)
        self._trouble = CheckpointTrouble()

    def submit(self) -> str:
        """Hands it to Flink; returns its id."""
        with self._told_at_write():
            self._submission: Submission = self._session.submit(self._name)
        self._opened.callback(self._submission.close)
        self._began = time.monotonic()
        job_id = self._submission.job_id
        self._checkpoints = self._context.checkpoints(self._job)
        rest = RestClient(f"http://{self._context.web(job_id)}", timeout_s=_REST_TIMEOUT_S)
        self._running = RunningJob(rest, self._name, job_id)
        # First of all: it runs now, whatever fails here.
        self._on_event(Started(self._name, job_id, self._running.url))
        self._remember(job_id)
        return job_id

    def _remember(self, job_id: str) -> None:
        bounded = self._context.settings.bounded
        try:
            remember_run(self._context.folder(self._job), job_id, self._checkpoints, bounded=bounded)
        except OSError as error:
            place = f"{self._checkpoints}/{job_id}"
            lost = f"--restore latest will not know this run; its checkpoints are in {place}"
            self._on_event(Note(self._name, f"warning: the run cannot be noted: {error}; {lost}"))

    def follow(self, interrupt: Interrupt, topology: TopologyAge | None) -> None:
        """Until it ends, or fails for good, or somebody presses Ctrl-C or sends SIGTERM."""
        while not self._submission.done:
            if interrupt.seen is not None:
                if self._silence.is_told:
                    self._tell(Note(self._name, "not cancelled: the cluster does not answer"))
                    self._tell(self._lost())
                    raise interrupt.seen
                terminated = isinstance(interrupt.seen, Terminated)
                which = "SIGTERM" if terminated else "Ctrl-C"
                self._tell(Note(self._name, f"cancelling; {which} once more leaves at once"))
                self._cancel()
                raise interrupt.seen
            self._look()
            if topology is not None:
                self._say(topology.look())
            time.sleep(_POLL_S)
        try:
            self._submission.result()
        except Exception as error:
            # One that was started anew may tell the client sooner than it is asked here.
            if self._silence.is_told and not is_forgotten(error):
                self._give_up_cluster()
            self._tell(self._stopped("FAILED", self._kept()))
            raise job_error(error, self._traces, where=self._name) from None
        # One of the user's may be one that cannot be had here; the job has ended well all the same.
        with contextlib.suppress(Exception):
            self._dead_letters = max(self._dead_letters, dead_letters_in(self._submission.accumulators()))
        self._tell(self._finished())

    def close(self) -> None:
        """Lets a Flink that was started for this job end."""
        self._opened.close()

    def _told_at_write(self) -> contextlib.AbstractContextManager[None]:
        return told_at_write(self._job.writes, self._traces)

    def _tell(self, event: Event) -> None:
        self._on_event(event)
        self._told_at = time.monotonic()

    def _say(self, line: str | None) -> None:
        if line is not None:
            self._tell(Note(self._name, line))

    def _finished(self) -> Stopped:
        """With the totals, where Flink tells of a job that has ended."""
        deadline = time.monotonic() + _STALE_S
        last = self._shown
        while (now := _quietly(self._progress)) is not None:
            last = now
            if now.state == "FINISHED" or time.monotonic() > deadline:
                break
            time.sleep(_POLL_S)
        return self._stopped("FINISHED", None, last if last and last.state == "FINISHED" else None)

    def _stopped(self, state: str, checkpoint: str | None, last: Progress | None = None) -> Stopped:
        return Stopped(
            self._name,
            state,
            checkpoint,
            records_in=None if last is None else last.records_in,
            records_out=None if last is None else last.records_out,
            dead_letters=self._dead_letters,
            late_records=self._late_records,
            degraded=self._degraded,
            repeated_ids=self._repeated_ids,
            took_s=round(time.monotonic() - self._began, 1),
        )

    def _progress(self) -> Progress | None:
        """None: Flink answers, but does not tell.

        Raises:
            UnavailableError: It does not answer.
        """
        now = _unless_refused(self._running.progress)
        # Tasks count from their start: after a restart the highest is what was set aside for certain.
        if now is not None:
            self._dead_letters = max(self._dead_letters, now.dead_letters)
            self._late_records = max(self._late_records, now.late_records)
            self._degraded = max(self._degraded, now.degraded)
            if now.repeated_ids and not self._repeated_ids:
                self._tell(Note(self._name, _REPEATED))
            self._repeated_ids = max(self._repeated_ids, now.repeated_ids)
        return now

    def _look(self) -> None:
        try:
            failures = _unless_refused(lambda: self._running.failures(self._failed_ms)) or []
            progress = self._progress()
        except UnavailableError as error:
            self._unanswered(error)
            return
        self._say(self._silence.answered())
        silent_s = time.monotonic() - self._told_at
        if progress is None and silent_s >= HEARTBEAT_S:
            self._tell(Note(self._name, f"no word from Flink for {silent_s:.0f} s; waiting"))
        # A job that fails for good is told in full when it has ended.
        if progress is None or progress.state in _ENDING:
            return
        for failure in failures:
            self._failed(failure, progress.checkpoints)
        for line in self._outages.look(progress.primaries, time.monotonic()):
            self._tell(Note(self._name, line))
        why, completed = progress.checkpoint_failure, progress.checkpoints
        self._say(self._trouble.look(why, completed, time.monotonic()))
        progress = replace(progress, away=self._outages.away)
        if progress != self._shown or silent_s >= HEARTBEAT_S:
            self._tell(progress)
            self._shown = progress
        self._checkpoint = _quietly(self._running.last_checkpoint) or self._checkpoint

    def _unanswered(self, error: UnavailableError) -> None:
        now = time.monotonic()
        reason = f"{self._running.url}: {error.message}"
        self._say(self._silence.unanswered(reason, now, now - self._told_at))
        if self._silence.is_final(now):
            self._give_up_cluster()

    def _give_up_cluster(self) -> NoReturn:
        self._tell(self._lost())
        raise UnavailableError(
            "the cluster does not answer any more, so whether the job still runs is not known",
            where=self._running.url,
            hint="look there before you start it again: two runs would write all results",
        )

    def _lost(self) -> Stopped:
        kept = newest_of_run(self._checkpoints, self._running.job_id) or self._checkpoint
        return self._stopped("UNKNOWN", kept)

    def _failed(self, failure: Failure, checkpoints: int) -> None:
        self._failed_ms = failure.at_ms
        certain = why_certain(failure.trace)
        if certain is not None:
            self._give_up(failure, f"{certain}: cancelling")
        hint = self._new_hint(failure.trace)
        self._tell(Failing(self._name, _cause(failure.trace), user_frame(failure.trace), hint))
        if self._streak.add(failure.trace, checkpoints):
            self._give_up(failure, f"failed {PATIENCE} times in a row at one line: cancelling")

    def _give_up(self, failure: Failure, why: str) -> NoReturn:
        self._tell(Note(self._name, why))
        self._cancel()
        raise job_error(failure.trace, self._traces, where=self._name)

    def _new_hint(self, trace: str) -> str | None:
        """Of a known cause, the first time: a job may fail by one cause every few seconds."""
        hint = known_hint(trace)
        if hint is None or hint in self._hints:
            return None
        self._hints.add(hint)
        return hint

    def _cancel(self) -> None:
        self._checkpoint = _quietly(self._running.last_checkpoint) or self._checkpoint
        try:
            self._submission.cancel()
        except Exception as error:
            if not self._submission.done:
                raise job_error(error, self._traces, where=self._name) from None
        self._await_end()
        # What was seen last: whoever presses Ctrl-C does not wait until Flink tells more.
        self._tell(self._stopped("CANCELED", self._kept(), self._shown))

    def _kept(self) -> str | None:
        """The last checkpoint of a job that has ended.

        What Flink's API told while it ran may be seconds old, and that checkpoint have been deleted since.
        """
        found = newest_of_run(self._checkpoints, self._running.job_id)
        if found is None and _quietly(self._running.progress) is not None:
            if self._context.settings.cluster is not None:  # one in this process tells sooner
                time.sleep(_STALE_S)
            found = _quietly(self._running.last_checkpoint)
        return found or self._checkpoint

    def _await_end(self) -> None:
        deadline = time.monotonic() + _CANCEL_LIMIT_S
        while not self._submission.done:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"job {self._running.job_id} has not ended {_CANCEL_LIMIT_S:.0f} s after its cancelling",
                    where=self._running.url,
                    hint="look there whether it still runs",
                )
            time.sleep(_POLL_S / 5)


def _names(session: FlinkSession) -> list[str]:
    return [operator.name for operator in session.operators()]


def _unless_refused(ask: Callable[[], _T]) -> _T | None:
    """The job may end between two questions: no reason to end the run."""
    with contextlib.suppress(JobError, KeyError):
        return ask()
    return None


def _quietly(ask: Callable[[], _T]) -> _T | None:
    """As above, and of a cluster that is busy or has ended."""
    with contextlib.suppress(UnavailableError):
        return _unless_refused(ask)
    return None


def _cause(trace: str) -> str:
    causes = short_causes(causes_in_trace(trace))
    return causes[0].splitlines()[0] if causes else "no exception is known"
