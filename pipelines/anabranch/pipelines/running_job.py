"""What Flink tells of one running job, as far as showing a run needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from anabranch.pipelines.checkpoint_trouble import newest_failure
from anabranch.pipelines.events import Progress
from anabranch.pipelines.job_metrics import DEAD_LETTERS, JobMetrics
from anabranch.pipelines.rest import RestClient

__all__ = ["Failure", "RunningJob", "dead_letters_in"]


@dataclass(frozen=True)
class Failure:
    """One failure of a job that may have been restarted since.

    Attributes:
        at_ms: When, Unix milliseconds.
        trace: Java's, with Python's in it where Python was called.
    """

    at_ms: int
    trace: str


class RunningJob:
    """One job on one Flink.

    Args:
        rest: Of the Flink that runs it.
        name: The job's name, for events.
        job_id: 32 hex digits.
    """

    def __init__(self, rest: RestClient, name: str, job_id: str) -> None:
        self._rest = rest
        self._name = name
        self.job_id = job_id
        self._metrics = JobMetrics(rest, job_id)

    @property
    def url(self) -> str:
        """Of Flink's REST API and web page."""
        return self._rest.url

    def progress(self) -> Progress:
        """How far the job is.

        Raises:
            UnavailableError: Flink does not answer.
            JobError: It does not know the job (any more).
        """
        job = self._rest.get(f"/jobs/{self.job_id}")
        checkpoints = self._rest.checkpoints(self.job_id)
        vertices = job["vertices"]
        sources = [vertex for vertex in vertices if vertex["name"].startswith("Source:")]
        sinks = [vertex for vertex in vertices if "Writer" in vertex["name"]]
        metrics = self._metrics.now(
            [vertex["id"] for vertex in vertices],
            [vertex["id"] for vertex in sources],
            ended=job["state"] == "FINISHED",
        )
        return Progress(
            self._name,
            job["state"],
            sum(vertex["status"] == "RUNNING" for vertex in vertices),
            len(vertices),
            # A source has no input of its own in Flink's count; what it hands on is nearest to it.
            sum(vertex["metrics"]["write-records"] for vertex in sources),
            sum(vertex["metrics"]["read-records"] for vertex in sinks),
            int(checkpoints["counts"]["completed"]),
            self._metric("numRestarts"),
            metrics.dead_letters,
            metrics.primaries,
            late_records=metrics.late_records,
            degraded=metrics.degraded,
            repeated_ids=metrics.repeated_ids,
            checkpoint_failure=newest_failure(checkpoints),
        )

    def failures(self, after_ms: int) -> list[Failure]:
        """Failures later than that moment, oldest first; Flink remembers the last sixteen.

        They are here at once, unlike the count of restarts, which Flink's API shows up to 10 s late.
        """
        entries = self._rest.exceptions(self.job_id, limit=20)
        found = [Failure(int(entry["timestamp"]), str(entry["stacktrace"])) for entry in entries]
        return sorted((each for each in found if each.at_ms > after_ms), key=lambda each: each.at_ms)

    def last_checkpoint(self) -> str | None:
        """Where the newest completed checkpoint is."""
        latest = self._rest.checkpoints(self.job_id)["latest"]["completed"]
        return None if latest is None else str(latest["external_path"])

    def _metric(self, name: str) -> int:
        found = self._rest.get(f"/jobs/{self.job_id}/metrics?get={name}")
        return int(float(found[0]["value"])) if found else 0


def dead_letters_in(accumulators: Mapping[str, object]) -> int:
    """Set aside by the decoding of a job that has finished; metrics may not have told of it yet.

    Args:
        accumulators: Of the job's result, by name.
    """
    named = [value for name, value in accumulators.items() if name.startswith(f"{DEAD_LETTERS}.")]
    return sum(value for value in named if isinstance(value, int))
