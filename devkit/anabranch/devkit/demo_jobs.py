"""The two reference jobs as the demo runs them, and what Flink says of them while they run."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from anabranch.devkit import process
from anabranch.devkit.dataset import STREAM
from anabranch.devkit.flink_rest import FlinkRest
from anabranch.devkit.loop import Loop
from anabranch.errors import JobError

__all__ = ["FLINK_OPTIONS", "DemoJobs"]

_NAMES = ("training-logs", "training-results")
_SUBMIT_WITHIN_S = 180.0
_RUN_WITHIN_S = 120.0

# The name that the operator's autoscaler reads, too; its value is the last offset that was emitted.
_CURRENT_OFFSET = re.compile(
    r"kafkaCluster\.(?P<primary>[^.]+)\.KafkaSourceReader\.topic\."
    + re.escape(STREAM)
    + r"\.partition\.(?P<partition>\d+)\.currentOffset$"
)

# How the pipeline is broken on purpose, as options of its inputs.
_SABOTAGE: dict[str, tuple[str, ...]] = {
    "none": (),
    "no-dedup": ("dedup=false",),
    "drop": ("testing.drop-share=0.001",),
}

FLINK_OPTIONS = {
    # Short, so that a fault of some seconds meets several checkpoints.
    "execution.checkpointing.interval": "2 s",
    # The timeline is sampled twice a second; Flink's own default is ten seconds.
    "metrics.fetcher.update-interval": "500",
}


class DemoJobs:
    """Both jobs on the loop's Flink cluster; they end with the cluster.

    Attributes:
        loop: Brokers and Flink.

    Args:
        loop: Brokers and Flink.
        folder: Where the submitting command writes its log.
        sabotage: ``none``, or how the pipeline is broken on purpose: ``no-dedup``, ``drop``.
    """

    def __init__(self, loop: Loop, folder: Path, *, sabotage: str) -> None:
        self.loop = loop
        self._folder = folder
        self._sabotage = sabotage
        self._ids: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._restores: dict[tuple[str, int], str] = {}

    @property
    def groups(self) -> tuple[str, ...]:
        """The consumer groups under which the jobs commit what they have read: their names."""
        return _NAMES

    def submit(self, tell: Callable[[str], None]) -> None:
        """Submits both and returns when all of both runs; ``tell`` is called from several threads.

        Raises:
            JobError: A job was refused, or failed before it ran.
        """
        with ThreadPoolExecutor(len(_NAMES)) as pool:
            for submitted in [pool.submit(self._submit, name, tell) for name in _NAMES]:
                submitted.result()
        known = {job.name: job.id for job in self._rest.jobs() if not job.is_final}
        self._ids = {name: known[name] for name in _NAMES}
        for job_id in self._ids.values():
            self._rest.await_running(job_id, timeout_s=_RUN_WITHIN_S)
        self._sources = {name: self._source_of(job_id) for name, job_id in self._ids.items()}

    def check(self) -> None:
        """Raises JobError with the root cause when a job has ended."""
        for name, job_id in self._ids.items():
            if self._rest.job(job_id).is_final:
                raise JobError(
                    f"job {name} ended: {self._rest.root_cause(job_id)}", where=self.loop.flink.url
                )

    def records_read(self) -> dict[str, int]:
        """By job, records that left its source since it was (re)started."""
        return {name: self._source_records(name) for name in self._ids}

    def checkpoints(self) -> dict[str, int]:
        """By job, checkpoints completed."""
        counts = {}
        for name, job_id in self._ids.items():
            found = self._rest.checkpoints(job_id)
            counts[name] = int(found["counts"]["completed"])
            restored = found["latest"]["restored"]
            if restored is not None:
                self._restores[name, int(restored["restore_timestamp"])] = str(restored["external_path"])
        return counts

    def positions_read(self) -> dict[str, dict[tuple[str, int], int]]:
        """By job, the next offset that its source reads, by primary and partition."""
        return {name: self._source_positions(name) for name in self._ids}

    def restores(self) -> int:
        """How often a job was restored from a checkpoint, over both jobs."""
        self.checkpoints()
        return len(self._restores)

    def restored_from(self) -> tuple[str, ...]:
        """URIs of the checkpoints that jobs were restored from, the oldest restore first."""
        return tuple(path for _, path in sorted(self._restores.items(), key=lambda item: item[0][1]))

    @property
    def _rest(self) -> FlinkRest:
        return self.loop.flink.rest

    def _submit(self, name: str, tell: Callable[[str], None]) -> None:
        flink = self.loop.flink
        options: list[str | Path] = [
            f"--cluster={flink.rest_address}:{flink.rest_port}",
            "--detach",
            "--parallelism=1",
            # Not the folder of this user, where they would be left behind.
            f"--checkpoint-dir={flink.checkpoints}",
        ]
        options += [f"--input={option}" for option in _SABOTAGE[self._sabotage]]
        options.append(f"--topology={self.loop.topology_path}")
        argv = [sys.executable, "-m", "anabranch.cli", "run", _job_folder(name), *options]
        done = process.run(argv, timeout_s=_SUBMIT_WITHIN_S, cwd=self._folder, mark=self.loop.mark)
        (self._folder / f"submit-{name}.log").write_text(done.output)
        if done.code != 0:
            raise JobError(f"{name} was not submitted:\n{done.output[-2000:]}")
        tell(f"job {name} submitted")

    def _source_of(self, job_id: str) -> str:
        vertices = self._rest.get(f"/jobs/{job_id}")["vertices"]
        return next(str(vertex["id"]) for vertex in vertices if "Source" in vertex["name"])

    def _source_positions(self, name: str) -> dict[tuple[str, int], int]:
        job, vertex = self._ids[name], self._sources[name]
        listed = self._rest.get(f"/jobs/{job}/vertices/{vertex}/metrics")
        found = {each["id"]: _CURRENT_OFFSET.search(each["id"]) for each in listed}
        wanted = {metric: match for metric, match in found.items() if match}
        values = self._rest.metrics(job, vertex, list(wanted))
        return {
            (match["primary"], int(match["partition"])): int(values[metric]) + 1
            for metric, match in wanted.items()
            if metric in values
        }

    def _source_records(self, name: str) -> int:
        vertices: list[dict[str, Any]] = self._rest.get(f"/jobs/{self._ids[name]}")["vertices"]
        source = next(vertex for vertex in vertices if vertex["id"] == self._sources[name])
        return int(source["metrics"]["write-records"])


def _job_folder(name: str) -> Path:
    return Path(__file__).parents[3] / "flink-jobs" / name
