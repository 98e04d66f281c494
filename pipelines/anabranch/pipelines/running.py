"""Submitting a job and following it to its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from anabranch.connectors.flink.java_errors import causes_in_trace
from anabranch.connectors.flink.submission import Submission
from anabranch.errors import ConfigurationError, UnavailableError
from anabranch.pipelines.context import RunContext
from anabranch.pipelines.events import Event, Failing, Note, Started, Stopped
from anabranch.pipelines.failures import job_error, told_at
from anabranch.pipelines.rest import JobRest
from anabranch.pipelines.traces import short_causes

if TYPE_CHECKING:
    from anabranch.pipelines.job import Job

__all__ = ["run_until_end", "submit"]

_POLL_S = 0.5
_CANCEL_LIMIT_S = 60.0

OnEvent = Callable[[Event], None]
T = TypeVar("T")


def submit(job: Job, context: RunContext, on_event: OnEvent) -> tuple[Submission, JobRest]:
    """Builds the whole job and hands it to Flink.

    Raises:
        ConfigurationError: The job writes nothing.
        AnabranchError: Flink refuses it; names the user's line.
    """
    if not job.writes:
        raise ConfigurationError(f"job {job.name} writes nothing", hint='end it with .write("stream", key=…)')
    folder = context.folder(job)
    session = context.builder(job).insert_all()
    on_event(Note(job.name, f"Flink's log is in {folder / 'log'}"))
    with told_at(None, folder / "traces"):
        submission = session.submit(job.name)
    rest = JobRest(context.web, job.name, submission.job_id)
    on_event(Started(job.name, submission.job_id, rest.url))
    return submission, rest


def run_until_end(job: Job, context: RunContext, on_event: OnEvent) -> None:
    """Submits and follows; Ctrl-C cancels the job and waits for that.

    Raises:
        JobError: It failed; names the user's line and the full trace's file.
    """
    submission, rest = submit(job, context, on_event)
    try:
        _follow(job, context, submission, rest, on_event)
    except KeyboardInterrupt:
        on_event(Note(job.name, "cancelling; once more Ctrl-C to leave at once"))
        checkpoint = _quietly(rest.last_checkpoint)
        submission.cancel()
        _await_end(submission)
        on_event(Stopped(job.name, "CANCELED", checkpoint))
        raise


def _follow(job: Job, context: RunContext, submission: Submission, rest: JobRest, on_event: OnEvent) -> None:
    restarts, shown, checkpoint = 0, None, None
    while not submission.done:
        progress = _quietly(rest.progress)
        if progress is not None:
            if progress.restarts > restarts:
                restarts = progress.restarts
                on_event(Failing(job.name, _cause(_quietly(rest.last_failure))))
            if progress != shown:
                on_event(progress)
                shown = progress
            checkpoint = _quietly(rest.last_checkpoint) or checkpoint
        time.sleep(_POLL_S)
    try:
        submission.result()
    except Exception as error:
        raise job_error(error, context.folder(job) / "traces", where=job.name) from None
    on_event(Stopped(job.name, "FINISHED", checkpoint))


def _await_end(submission: Submission) -> None:
    deadline = time.monotonic() + _CANCEL_LIMIT_S
    while not submission.done and time.monotonic() < deadline:
        time.sleep(_POLL_S / 5)


def _quietly(ask: Callable[[], T]) -> T | None:
    """The job may end, or its cluster be busy, between two questions: no reason to end the run."""
    with contextlib.suppress(UnavailableError, KeyError):
        return ask()
    return None


def _cause(trace: str | None) -> str:
    causes = short_causes(causes_in_trace(trace)) if trace else []
    return causes[0].splitlines()[0] if causes else "no exception is known"
