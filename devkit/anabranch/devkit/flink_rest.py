"""What a loop, a demo and tests ask a session cluster beyond what a run does: all jobs, and waits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.rest import FINAL_STATES, RestClient, root_cause

__all__ = ["FlinkRest", "JobStatus"]


@dataclass(frozen=True)
class JobStatus:
    """One job of the cluster.

    Attributes:
        id: Flink's job id, 32 hex digits.
        name: As submitted.
        state: RUNNING, RESTARTING, FINISHED, …
        tasks_running: Tasks that run now.
        tasks_total: Tasks that it has.
    """

    id: str
    name: str
    state: str
    tasks_running: int
    tasks_total: int

    @property
    def is_final(self) -> bool:
        """Whether it has ended for good."""
        return self.state in FINAL_STATES

    @property
    def is_running(self) -> bool:
        """Whether all of it runs (a job is RUNNING in Flink's words while its tasks are deployed)."""
        return self.state == "RUNNING" and self.tasks_running == self.tasks_total


class FlinkRest(RestClient):
    """A client of a session cluster's JobManager."""

    def jobs(self) -> list[JobStatus]:
        """All jobs that the JobManager remembers."""
        return [_status(job) for job in self.get("/jobs/overview")["jobs"]]

    def job(self, job_id: str) -> JobStatus:
        """One job."""
        found = next((job for job in self.jobs() if job.id == job_id), None)
        if found is None:
            raise JobError(f"the Flink cluster knows no job {job_id}", where=self.url)
        return found

    def await_running(self, job_id: str, *, timeout_s: float) -> None:
        """Waits until all tasks of a job run; raises JobError when it ends instead."""
        deadline = time.monotonic() + timeout_s
        while not (status := self.job(job_id)).is_running:
            if status.is_final:
                raise JobError(
                    f"job {status.name} is {status.state}: {self.root_cause(job_id)}", where=self.url
                )
            if time.monotonic() > deadline:
                what = f"{status.state}, {status.tasks_running} of {status.tasks_total} tasks"
                raise UnavailableError(f"job {status.name} does not run after {timeout_s:.0f} s: {what}")
            time.sleep(0.2)

    def task_managers(self) -> list[dict[str, Any]]:
        """Registered TaskManagers, as Flink describes them (``id``, ``slotsNumber``, ``freeSlots``, …)."""
        found: list[dict[str, Any]] = self.get("/taskmanagers")["taskmanagers"]
        return found

    def completed_checkpoints(self, job_id: str) -> int:
        """How many were completed, those restored from not counted."""
        return int(self.checkpoints(job_id)["counts"]["completed"])

    def restored_checkpoint(self, job_id: str) -> int | None:
        """Id of the checkpoint that the last restart came back from; None when there was none."""
        latest = self.checkpoints(job_id)["latest"]["restored"]
        return None if latest is None else int(latest["id"])

    def root_cause(self, job_id: str) -> str:
        """One line that says why a job failed last."""
        entries = self.exceptions(job_id, limit=1)
        if not entries:
            return "no exception is known"
        return root_cause(str(entries[0]["stacktrace"]))

    def metrics(self, job_id: str, vertex_id: str, names: list[str]) -> dict[str, str]:
        """Values of some metrics of a vertex, one key per subtask and metric (``0.numRecordsIn``)."""
        answer = self.metrics_of(f"/jobs/{job_id}/vertices/{vertex_id}/metrics", names)
        return {metric["id"]: metric["value"] for metric in answer}

    def cancel(self, job_id: str, *, timeout_s: float = 60) -> JobStatus:
        """Cancels a job and waits until it has ended; harmless on one that has."""
        if not self.job(job_id).is_final:
            self._call("PATCH", f"/jobs/{job_id}?mode=cancel")
        return self.await_end(job_id, timeout_s=timeout_s)

    def await_end(self, job_id: str, *, timeout_s: float) -> JobStatus:
        """Waits until a job has finished, failed or been cancelled; it is not judged here."""
        deadline = time.monotonic() + timeout_s
        while not (status := self.job(job_id)).is_final:
            if time.monotonic() > deadline:
                raise UnavailableError(f"job {status.name} is still {status.state} after {timeout_s:.0f} s")
            time.sleep(0.2)
        return status


def _status(job: dict[str, Any]) -> JobStatus:
    tasks = job["tasks"]
    return JobStatus(job["jid"], job["name"], job["state"], tasks["running"], tasks["total"])
