"""The two reference jobs as the demo runs them, and what Flink says of them while they run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from anabranch.devkit import process
from anabranch.devkit.flink_rest import FlinkRest, JobStatus
from anabranch.devkit.loop import Loop
from anabranch.errors import JobError

__all__ = ["FLINK_OPTIONS", "DemoJobs"]

_NAMES = ("training-logs", "training-results")
_SUBMIT_WITHIN_S = 120.0
_RUN_WITHIN_S = 90.0

FLINK_OPTIONS = {
    # Short, so that a fault of some seconds meets several checkpoints.
    "execution.checkpointing.interval": "2 s",
    # The timeline is sampled twice a second; Flink's own default is ten seconds.
    "metrics.fetcher.update-interval": "500",
}


class DemoJobs:
    """Both jobs on the loop's Flink cluster; ended with the cluster.

    Args:
        loop: Brokers and Flink.
        sabotage: ``none``, or how the pipeline is broken on purpose: ``no-dedup``, ``drop``.
    """

    def __init__(self, loop: Loop, *, sabotage: str) -> None:
        self._loop = loop
        self._sabotage = sabotage
        self._ids: dict[str, str] = {}
        self._sources: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The loop ends the cluster, and the jobs with it."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The consumer groups under which the jobs commit what they have read: their names."""
        return _NAMES
