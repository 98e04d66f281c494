"""Following a job to its end, with a Flink that does what each test says."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from anabranch.connectors.flink.interrupts import Terminated
from anabranch.connectors.flink.session import Operator
from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines import Job, run_logs, running, silence
from anabranch.pipelines.context import RunContext, running_in
from anabranch.pipelines.events import Event, Failing, Note, Progress, Started, Stopped
from anabranch.pipelines.running_job import Failure
from anabranch.pipelines.settings import MiniBatchSettings, Settings

USERS = """java.lang.RuntimeException: Traceback (most recent call last):
  File "/home/u/job.py", line 17, in score
    return 1 / 0
ZeroDivisionError: division by zero
"""
BAD_RECORD = """org.apache.flink.runtime.taskmanager.AsynchronousException: Caught exception
Caused by: dev.anabranch.table.deadletter.FailJob$BadRecordException: a record of stream 'logs' is bad
  where: primary b, topic logs, partition 1, offset 49, id 0f
  next: set 'dead-letters' = '<stream>' on the table to put such records aside
\tat dev.anabranch.table.deadletter.FailJob$1.handle(FailJob.java:17)
"""
LOST_STATE = """java.lang.Exception: Exception while creating StreamOperatorStateContext.
\tat org.apache.flink.streaming.api.operators.StreamTaskStateInitializerImpl.streamOperatorStateContext
Caused by: org.apache.flink.util.FlinkException: Could not restore keyed state backend for Aggregate_1_(1/1)
\t... 13 more
Caused by: java.io.FileNotFoundException: abfss://state@us.dfs.core.windows.net/ab/shared/cd does not exist
\tat dev.anabranch.azureblob.BlobErrors.absent(BlobErrors.java:79)
"""
BROKERS = "java.io.IOException: no primary took records for 60 s"


@dataclass
class FakeFlink:
    """Session, submission and REST API of one job.

    Attributes:
        happens: One entry for each look at the job; after the last one it finishes.
        checkpoints: Completed so far.
        outlives_job: As a session cluster does; it tells of what has ended.
        plan: Names of its operators.
        graphs: How often Flink had to build its graph.
    """

    happens: list[Callable[[FakeFlink], None]]
    checkpoints: int = 0
    seen: list[Failure] = field(default_factory=list)
    submitted: bool = False
    cancelled: bool = False
    ignores_cancel: bool = False
    closed: bool = False
    outlives_job: bool = False
    plan: list[str] = field(default_factory=list)
    graphs: int = 0
    letters: int = 0
    late: int = 0
    degraded: int = 0
    repeated: int = 0
    checkpoint_failure: str | None = None
    counts: tuple[int, int] = (0, 0)
    gathered: dict[str, object] | None = field(default_factory=dict)
    job_id: str = "ab" * 16
    url: str = "http://here"
    log_folder: Path = Path("/log")

    def submit(self, name: str) -> FakeFlink:
        self.submitted = True
        return self

    def operators(self) -> list[Operator]:
        self.graphs += 1
        return [Operator("", name, "") for name in self.plan]

    @property
    def done(self) -> bool:
        return not self.happens or (self.cancelled and not self.ignores_cancel)

    def result(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def accumulators(self) -> dict[str, object]:
        if self.gathered is None:
            raise RuntimeError("one of the user's, of a class that is not here")
        return self.gathered

    def cancel(self) -> None:
        self.cancelled = True

    def failures(self, after_ms: int) -> list[Failure]:
        self.happens.pop(0)(self)
        return [failure for failure in self.seen if failure.at_ms > after_ms]

    def progress(self) -> Progress:
        if self.done and self.outlives_job:
            return Progress(
                "watch", "FINISHED", 0, 1, 500, 20, self.checkpoints, len(self.seen), self.letters,
                late_records=self.late, degraded=self.degraded,
                repeated_ids=self.repeated,
            )  # fmt: skip
        read, written = self.counts
        return Progress(
            "watch", "RUNNING", 1, 1, read, written, self.checkpoints, len(self.seen), self.letters,
            repeated_ids=self.repeated, checkpoint_failure=self.checkpoint_failure,
        )  # fmt: skip

    def last_checkpoint(self) -> str | None:
        return f"file:/state/chk-{self.checkpoints}" if self.checkpoints else None


def nothing(flink: FakeFlink) -> None:
    """A quiet moment."""


def checkpoint(flink: FakeFlink) -> None:
    flink.checkpoints += 1


def fails(trace: str) -> Callable[[FakeFlink], None]:
    return lambda flink: flink.seen.append(Failure(len(flink.seen) + 1, trace))


def ctrl_c(flink: FakeFlink) -> None:
    os.kill(os.getpid(), signal.SIGINT)


STORAGE_AWAY = LOST_STATE.replace(
    "java.io.FileNotFoundException", "dev.anabranch.azureblob.BlobErrors$BlobException"
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(running, "_POLL_S", 0.001)
    monkeypatch.setattr(running, "_CANCEL_LIMIT_S", 0.02)
    monkeypatch.setattr(running, "_STALE_S", 0.001)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[FakeFlink], list[Event]]:
    """Runs a job on it; the events are there also if it raises."""
    events: list[Event] = []

    def run(flink: FakeFlink, latency_s: float = 1, cluster: str | None = "here:1") -> list[Event]:
        monkeypatch.setattr(running, "_built", lambda job, context, on_event: flink)
        monkeypatch.setattr(running, "RunningJob", lambda rest, name, job_id: flink)
        settings = Settings(cluster=cluster, mini_batch=MiniBatchSettings(latency_s=latency_s))
        context = RunContext(settings, folder=tmp_path)
        with running_in(context):
            job = Job("watch")
        running.run_until_end(job, context, events.append)
        return events

    run.events = events  # type: ignore[attr-defined]
    return run


def events_of(follow: object) -> list[Event]:
    events: list[Event] = follow.events  # type: ignore[attr-defined]
    return events


def test_a_job_that_finishes_leaves_no_checkpoint(follow: Callable[[FakeFlink], list[Event]]) -> None:
    events = follow(FakeFlink([nothing, checkpoint]))
    assert events[-1] == Stopped("watch", "FINISHED", None)
    assert len([event for event in events if isinstance(event, Progress)]) == 2


def test_rows_that_readers_drop_are_told_once_with_what_to_do(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    def repeats(flink: FakeFlink) -> None:
        flink.repeated += 3

    events = follow(FakeFlink([nothing, repeats, repeats, nothing]))
    (note,) = (event for event in events if isinstance(event, Note) and "one id" in event.text)
    assert "`ordinal`" in note.text
    assert isinstance(events[-1], Stopped)
    assert events[-1].repeated_ids == 6


def test_checkpoints_that_fail_are_told_while_the_job_goes_on(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    def fails_now(flink: FakeFlink) -> None:
        flink.checkpoint_failure = "Checkpoint expired before completing"

    def completes(flink: FakeFlink) -> None:
        flink.checkpoints, flink.checkpoint_failure = flink.checkpoints + 1, None

    events = follow(FakeFlink([completes, fails_now, nothing, completes, nothing]))
    first, last = (event.text for event in events if isinstance(event, Note) and "checkpoint" in event.text)
    assert first.startswith("a checkpoint failed: Checkpoint expired before completing; the job goes on, and")
    assert last == "checkpoints complete again, after 0 s"


def test_where_logs_are_is_said_of_cluster_and_client(follow: Callable[[FakeFlink], list[Event]]) -> None:
    told = "Flink's logs are on http://here:1/#/job-manager/logs; that of the client here is in /log"
    assert Note("watch", told) in follow(FakeFlink([nothing]))
    assert run_logs.where_logs_are(Path("/log"), None) == "Flink's log is in /log"


def test_logs_of_the_last_runs_are_kept(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ended = 2**30  # no process has such a number
    for number in range(8):
        (tmp_path / f"20260101-00000{number}-{ended}").mkdir()
    new = run_logs.new_log_folder(tmp_path)
    assert not new.exists(), "the JVM makes it"
    new.mkdir()
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        *(f"20260101-00000{number}-{ended}" for number in (4, 5, 6, 7)),
        new.name,
        "other",
    ]


def test_logs_of_a_run_that_goes_on_are_kept(tmp_path: Path) -> None:
    ended, another = 2**30, os.getppid()
    old = f"20260101-000000-{os.getpid()}"  # of another process that had this number
    here, there = f"29991231-000000-{os.getpid()}", f"20260101-000001-{another}"
    for name in (old, there, here, *(f"39991231-00000{number}-{ended}" for number in range(4))):
        (tmp_path / name).mkdir()
    run_logs.new_log_folder(tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())][:2] == [there, here]


def test_totals_are_told_by_a_cluster_that_outlives_its_job(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    flink = FakeFlink([nothing], outlives_job=True, late=3, degraded=2)
    last = follow(flink)[-1]
    assert last == Stopped("watch", "FINISHED", None, 500, 20, late_records=3, degraded=2)
    assert isinstance(last, Stopped)
    assert last.took_s is not None
    assert last.took_s < 60
    assert flink.closed, "nobody asks any more"


@pytest.mark.parametrize(("latency_s", "graphs"), [(0, 0), (1, 1)])
def test_flink_builds_a_graph_to_look_at_only_for_mini_batches(
    follow: Callable[..., list[Event]], latency_s: float, graphs: int
) -> None:
    flink = FakeFlink([nothing], plan=["Source: union logs", "LocalGroupAggregate[3]"])
    notes = [event.text for event in follow(flink, latency_s) if isinstance(event, Note)]
    assert flink.graphs == graphs
    assert len([text for text in notes if text.startswith("mini_batch.latency_s ")]) == graphs


def test_a_run_in_which_nothing_changes_is_heard_of(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len([event for event in follow(FakeFlink([nothing] * 9)) if isinstance(event, Progress)]) == 1
    monkeypatch.setattr(running, "HEARTBEAT_S", 0.0)
    assert len([event for event in follow(FakeFlink([nothing] * 9)) if isinstance(event, Progress)]) == 1 + 9


def test_a_flink_that_does_not_answer_is_told_of(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "HEARTBEAT_S", 0.0)

    monkeypatch.setattr(FakeFlink, "progress", silent)
    notes = [event.text for event in follow(FakeFlink([nothing] * 2)) if isinstance(event, Note)]
    assert len([text for text in notes if text.startswith("no word from Flink for ")]) == 2


def test_a_silence_that_has_just_begun_is_not_told_of(
    follow: Callable[..., list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "HEARTBEAT_S", 0.2)
    answers = FakeFlink.progress

    def progress(flink: FakeFlink) -> Progress:
        if len(flink.happens) == 2:
            return answers(flink)
        if len(flink.happens) == 1:
            time.sleep(0.25)  # nothing was told for longer than that, but only now it fails to answer
        return silent(flink)

    monkeypatch.setattr(FakeFlink, "progress", progress)
    events = follow(FakeFlink([nothing] * 3), cluster=None)
    assert not [event for event in events if isinstance(event, Note) and "no word" in event.text]


@pytest.mark.parametrize(("cluster", "waits"), [(None, False), ("here:1", True)])
def test_only_a_cluster_that_goes_on_is_waited_for_when_the_job_failed(
    follow: Callable[..., list[Event]], monkeypatch: pytest.MonkeyPatch, cluster: str | None, waits: bool
) -> None:
    def failed(flink: FakeFlink) -> None:
        raise RuntimeError("it failed")

    slept: list[float] = []
    monkeypatch.setattr(running, "_STALE_S", 0.123)
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(FakeFlink, "result", failed)
    with pytest.raises(JobError):
        follow(FakeFlink([nothing], outlives_job=True), cluster=cluster)
    assert (0.123 in slept) == waits


def silent(flink: FakeFlink) -> Progress:
    raise UnavailableError("Flink does not answer: Connection refused")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "_UNANSWERED_S", 0.02)
    monkeypatch.setattr(silence, "_GIVE_UP_S", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_cluster_that_vanishes_is_told_of_and_ends_the_run(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    flink = FakeFlink([checkpoint, *[nothing] * 10_000])
    answers, looks = FakeFlink.progress, iter(range(10_000))
    monkeypatch.setattr(FakeFlink, "progress", lambda self: (answers if next(looks) < 3 else silent)(self))
    with pytest.raises(UnavailableError, match="whether the job still runs is not known") as caught:
        follow(flink)
    assert caught.value.where == "http://here"
    note, stopped = events_of(follow)[-2:]
    assert note == Note("watch", "http://here: Flink does not answer: Connection refused; waiting for 0 s")
    assert stopped == Stopped("watch", "UNKNOWN", "file:/state/chk-1")
    assert not flink.cancelled


@pytest.mark.usefixtures("impatient")
def test_a_client_that_gives_up_a_silent_cluster_ends_the_run_likewise(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(flink: FakeFlink) -> None:
        raise RuntimeError("RetryException: Number of retries has been exhausted")

    monkeypatch.setattr(silence, "_GIVE_UP_S", 60.0)
    monkeypatch.setattr(FakeFlink, "progress", silent)
    monkeypatch.setattr(FakeFlink, "result", refused)
    with pytest.raises(UnavailableError, match="does not answer any more"):
        follow(FakeFlink([nothing] * 50))
    assert events_of(follow)[-1] == Stopped("watch", "UNKNOWN", None)


@pytest.mark.usefixtures("impatient")
def test_a_cluster_that_was_started_anew_has_the_job_no_more(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class ToldError(RuntimeError):
        stack_trace = "a.FlinkJobNotFoundException: ab"  # as PyFlink's own errors have it

    def forgotten(flink: FakeFlink) -> None:
        raise ToldError(ToldError.stack_trace)

    monkeypatch.setattr(silence, "_GIVE_UP_S", 60.0)
    monkeypatch.setattr(FakeFlink, "progress", silent)
    monkeypatch.setattr(FakeFlink, "result", forgotten)
    with pytest.raises(UnavailableError, match="FlinkJobNotFoundException") as caught:
        follow(FakeFlink([nothing] * 50))
    assert "run it again, from a checkpoint by --restore" in str(caught.value.hint)
    assert isinstance(events_of(follow)[-1], Stopped)


@pytest.mark.usefixtures("impatient")
def test_ctrl_c_does_not_wait_for_a_cluster_that_does_not_answer(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "_GIVE_UP_S", 60.0)
    monkeypatch.setattr(FakeFlink, "progress", silent)
    flink = FakeFlink([*[nothing] * 50, ctrl_c, *[nothing] * 100])
    with pytest.raises(KeyboardInterrupt):
        follow(flink)
    assert Note("watch", "not cancelled: the cluster does not answer") in events_of(follow)
    assert not flink.cancelled


@pytest.mark.usefixtures("impatient")
def test_a_cluster_that_comes_back_is_followed_on(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "_GIVE_UP_S", 60.0)
    answers, looks = FakeFlink.progress, iter(range(10_000))
    monkeypatch.setattr(FakeFlink, "progress", lambda self: (silent if next(looks) < 50 else answers)(self))
    events = follow(FakeFlink([nothing] * 60))
    assert Note("watch", "the cluster answers again") in events
    assert events[-1] == Stopped("watch", "FINISHED", None)


def test_ctrl_c_cancels_and_keeps_the_checkpoint(follow: Callable[[FakeFlink], list[Event]]) -> None:
    flink = FakeFlink([checkpoint, ctrl_c, *[nothing] * 100])
    with pytest.raises(KeyboardInterrupt):
        follow(flink)
    assert flink.cancelled
    assert events_of(follow)[-1] == Stopped("watch", "CANCELED", "file:/state/chk-1", 0, 0)


def test_a_cancelled_run_ends_with_the_numbers_that_were_seen_last(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    def counts(flink: FakeFlink) -> None:
        flink.counts = (70, 5)

    with pytest.raises(KeyboardInterrupt):
        follow(FakeFlink([nothing, counts, ctrl_c, *[nothing] * 100]))
    assert events_of(follow)[-1] == Stopped("watch", "CANCELED", None, 70, 5)


def test_a_run_that_cannot_be_noted_is_told_of_and_followed(
    follow: Callable[[FakeFlink], list[Event]], tmp_path: Path
) -> None:
    (tmp_path / "runs.jsonl").mkdir()  # nothing can be written there, as where no space is left
    flink = FakeFlink([nothing])
    events = follow(flink)
    [started] = [number for number, event in enumerate(events) if isinstance(event, Started)]
    warning = events[started + 1]
    assert isinstance(warning, Note)
    assert warning.text.startswith("warning: the run cannot be noted: [Errno ")
    assert "--restore latest will not know this run; its checkpoints are in file:" in warning.text
    assert warning.text.endswith(f"/checkpoints/{flink.job_id}")
    assert events[-1] == Stopped("watch", "FINISHED", None)


def test_what_fails_right_after_the_submission_lets_the_flink_here_end(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(context: RunContext, job_id: str) -> str:
        raise RuntimeError("a defect")

    monkeypatch.setattr(RunContext, "web", fail)
    flink = FakeFlink([nothing])
    with pytest.raises(RuntimeError, match="a defect"):
        follow(flink)
    assert flink.closed


def test_ctrl_c_while_flink_plans_submits_nothing(
    follow: Callable[[FakeFlink], list[Event]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def planning(flink: FakeFlink) -> list[Operator]:
        ctrl_c(flink)
        return []

    monkeypatch.setattr(FakeFlink, "operators", planning)
    flink = FakeFlink([nothing])
    with pytest.raises(KeyboardInterrupt):
        follow(flink)
    assert not flink.submitted


def test_sigterm_cancels_as_ctrl_c_does(follow: Callable[[FakeFlink], list[Event]]) -> None:
    flink = FakeFlink([checkpoint, lambda flink: os.kill(os.getpid(), signal.SIGTERM), *[nothing] * 100])
    with pytest.raises(Terminated):
        follow(flink)
    assert flink.cancelled
    assert events_of(follow)[-1] == Stopped("watch", "CANCELED", "file:/state/chk-1", 0, 0)


def test_what_is_on_disk_is_newer_than_what_flink_told(
    follow: Callable[[FakeFlink], list[Event]], tmp_path: Path
) -> None:
    flink = FakeFlink([checkpoint, ctrl_c, *[nothing] * 100])
    newest = tmp_path / "checkpoints" / flink.job_id / "chk-4"
    newest.mkdir(parents=True)
    (newest / "_metadata").write_bytes(b"")
    with pytest.raises(KeyboardInterrupt):
        follow(flink)
    assert events_of(follow)[-1] == Stopped("watch", "CANCELED", newest.as_uri(), 0, 0)


def test_a_job_that_does_not_end_is_not_called_cancelled(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    with pytest.raises(UnavailableError, match="has not ended"):
        follow(FakeFlink([ctrl_c, *[nothing] * 100], ignores_cancel=True))
    assert not [event for event in events_of(follow) if isinstance(event, Stopped)]


def test_a_line_that_fails_each_time_ends_the_run(
    follow: Callable[[FakeFlink], list[Event]], tmp_path: Path
) -> None:
    flink = FakeFlink([checkpoint, *[fails(USERS)] * 3, *[nothing] * 100])
    with pytest.raises(JobError, match="ZeroDivisionError: division by zero") as caught:
        follow(flink)
    assert caught.value.where == "/home/u/job.py:17"
    assert flink.cancelled
    told = [event for event in events_of(follow) if isinstance(event, Failing)]
    assert told == [Failing("watch", "ZeroDivisionError: division by zero", "/home/u/job.py:17")] * 3
    (trace,) = (tmp_path / "traces").iterdir()
    assert trace.read_text() == USERS
    assert str(trace) in str(caught.value)
    assert Stopped("watch", "CANCELED", "file:/state/chk-1", 0, 0) in events_of(follow)


def test_a_bad_record_ends_the_run_at_once(follow: Callable[[FakeFlink], list[Event]]) -> None:
    flink = FakeFlink([checkpoint, fails(BAD_RECORD), *[nothing] * 100])
    with pytest.raises(JobError) as caught:
        follow(flink)
    assert flink.cancelled
    assert "where: primary b, topic logs, partition 1, offset 49" in caught.value.message
    assert str(caught.value).count("next: ") == 1
    assert "--dead-letters STREAM" in str(caught.value.hint)
    assert not [event for event in events_of(follow) if isinstance(event, Failing)], "it is told once"


def test_a_checkpoint_that_lacks_a_file_ends_the_run_at_once(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    flink = FakeFlink([fails(LOST_STATE), *[nothing] * 100])
    with pytest.raises(JobError) as caught:
        follow(flink)
    assert flink.cancelled
    assert caught.value.message.startswith(
        "FileNotFoundException: abfss://state@us.dfs.core.windows.net/ab/shared/cd does not exist\n"
    )
    assert "restore another checkpoint" in str(caught.value.hint)
    (why,) = (event.text for event in events_of(follow) if isinstance(event, Note) and "each" in event.text)
    assert why == "each restart would miss that file of the checkpoint, too: cancelling"


def test_progress_between_failures_is_patience(follow: Callable[[FakeFlink], list[Event]]) -> None:
    one = [fails(USERS), fails(USERS), checkpoint]
    assert isinstance(follow(FakeFlink(one * 4))[-1], Stopped)


def test_what_is_not_the_users_line_is_tried_for_ever(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    events = follow(FakeFlink([fails(BROKERS), fails(STORAGE_AWAY)] * 10))
    assert isinstance(events[-1], Stopped)
    assert {event.where for event in events if isinstance(event, Failing)} == {None}


def test_the_end_tells_of_dead_letters_also_after_a_restart(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    def set_aside(flink: FakeFlink, count: int) -> None:
        flink.letters = count

    happens = [lambda flink: set_aside(flink, 2), lambda flink: set_aside(flink, 1), nothing]
    assert follow(FakeFlink(list(happens)))[-1] == Stopped("watch", "FINISHED", None, dead_letters=2)
    on_cluster = follow(FakeFlink(list(happens), outlives_job=True))[-1]
    assert on_cluster == Stopped("watch", "FINISHED", None, 500, 20, 2)


def test_dead_letters_of_which_metrics_did_not_tell_in_time_count(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    gathered: dict[str, object] = {"deadLetters.ab": 2, "deadLetters.cd": 1, "other": 7}
    events = follow(FakeFlink([nothing], gathered=gathered))
    assert events[-1] == Stopped("watch", "FINISHED", None, dead_letters=3)


def test_a_job_whose_accumulators_cannot_be_had_has_ended_well_all_the_same(
    follow: Callable[[FakeFlink], list[Event]],
) -> None:
    assert follow(FakeFlink([nothing], gathered=None))[-1] == Stopped("watch", "FINISHED", None)


def test_a_known_cause_comes_with_its_hint_once(follow: Callable[[FakeFlink], list[Event]]) -> None:
    trace = "org.apache.flink…NoResourceAvailableException: Could not acquire the minimum required resources."
    events = follow(FakeFlink([fails(trace)] * 3))
    hints = [event.hint for event in events if isinstance(event, Failing)]
    assert hints[0] is not None
    assert hints[0].startswith("the cluster has too few free slots")
    assert hints[1:] == [None, None]


def test_a_run_that_was_restored_says_from_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, follow: Callable[[FakeFlink], list[Event]]
) -> None:
    monkeypatch.setattr(RunContext, "restored", lambda self, job: "file:/old/chk-7")
    monkeypatch.setattr(running, "fallen_back", lambda given, folder, checkpoint: "older")
    with pytest.raises(KeyboardInterrupt):
        follow(FakeFlink([ctrl_c, nothing, nothing]))
    events = events_of(follow)
    assert Note("watch", "starts from file:/old/chk-7") in events
    assert Note("watch", "older") in events
    assert events[-1] == Stopped("watch", "CANCELED", "file:/old/chk-7", 0, 0), "nothing newer was completed"
