"""What a running job's REST API tells, as far as showing a run needs it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from anabranch.errors import UnavailableError
from anabranch.pipelines.events import Progress

__all__ = ["JobRest"]


class JobRest:
    """One job on one Flink; without state.

    Args:
        address: ``host:port``.
        job: The job's name, for events.
        job_id: 32 hex digits.
    """

    def __init__(self, address: str, job: str, job_id: str) -> None:
        self.url = f"http://{address}"
        self._job = job
        self._job_id = job_id

    def progress(self) -> Progress:
        """How far the job is; raises UnavailableError when Flink does not answer."""
        job = self._get("")
        checkpoints = self._get("/checkpoints")["counts"]
        vertices = job["vertices"]
        sources = [vertex for vertex in vertices if vertex["name"].startswith("Source:")]
        sinks = [vertex for vertex in vertices if "Writer" in vertex["name"]]
        restarts = self._metric("numRestarts")
        return Progress(
            self._job,
            job["state"],
            sum(vertex["status"] == "RUNNING" for vertex in vertices),
            len(vertices),
            # A source has no input of its own in Flink's count; what it hands on is nearest to it.
            sum(vertex["metrics"]["write-records"] for vertex in sources),
            sum(vertex["metrics"]["read-records"] for vertex in sinks),
            int(checkpoints["completed"]),
            restarts,
        )

    def last_failure(self) -> str | None:
        """The trace of the newest failure, if there was one."""
        entries = self._get("/exceptions?maxExceptions=1")["exceptionHistory"]["entries"]
        return str(entries[0]["stacktrace"]) if entries else None

    def last_checkpoint(self) -> str | None:
        """Where the newest completed checkpoint is."""
        latest = self._get("/checkpoints")["latest"]["completed"]
        return None if latest is None else str(latest["external_path"])

    def _metric(self, name: str) -> int:
        found = self._get(f"/metrics?get={name}")
        return int(float(found[0]["value"])) if found else 0

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(f"{self.url}/jobs/{self._job_id}{path}", timeout=10) as answer:  # noqa: S310
                return json.load(answer)
        except (OSError, ValueError) as error:
            raise UnavailableError(f"Flink does not answer: {error}", where=self.url) from None
