"""Savepoints of jobs that run on a cluster, by Flink's REST API."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from anabranch.errors import ConfigurationError, JobError, UnavailableError
from anabranch.pipelines.rest import RestClient, root_cause

__all__ = ["SavepointFormat", "Submitted", "find_job", "take_savepoint"]

SavepointFormat = Literal["canonical", "native"]
"""``canonical`` can be restored into another state backend, ``native`` is quicker to take and to restore."""

_LOOK_S = 0.2
_NO_FOLDER = re.compile(r"savepoint\S*dir\] is not set")


class Submitted(NamedTuple):
    """A job that a cluster has."""

    name: str
    job_id: str


def find_job(rest: RestClient, job: str) -> Submitted:
    """The one that runs under that name, or has that id.

    Raises:
        UnavailableError: Flink does not answer.
        ConfigurationError: None does, or several do.
    """
    running = [Submitted(each["name"], each["jid"]) for each in rest.jobs_that_go_on()]
    found = [each for each in running if job in each]
    if len(found) > 1:
        ids = ", ".join(each.job_id for each in found)
        raise ConfigurationError(
            f"{len(found)} jobs of the name {job} run there", where=rest.url, hint=f"give one's id: {ids}"
        )
    if not found:
        names = ", ".join(sorted({each.name for each in running}))
        hint = f"these run: {names}" if names else "nothing runs there"
        raise ConfigurationError(f"no job {job} runs there", where=rest.url, hint=hint)
    return found[0]


def take_savepoint(
    rest: RestClient,
    job_id: str,
    *,
    folder: str | None = None,
    form: SavepointFormat = "canonical",
    stop: bool = False,
    timeout_s: float = 120.0,
    waiting: Callable[[], None] = lambda: None,
) -> str:
    """Takes a savepoint, and stops the job with it if that is wanted.

    Args:
        rest: Of the Flink that runs it.
        job_id: 32 hex digits.
        folder: URI that the cluster's machines reach; None: the cluster's own.
        form: How state is written.
        stop: Ends the job behind it; what was written after it is not written again.
        timeout_s: How long it may take. Flink goes on with it beyond that.
        waiting: Called every now and then while it is taken.

    Returns:
        Its URI.

    Raises:
        ConfigurationError: No folder is given, and the cluster has none.
        JobError: It failed; the message is Flink's root cause.
        UnavailableError: Flink does not answer, or it takes longer.
    """
    # Flink has two spellings of it.
    place = {} if folder is None else {"targetDirectory" if stop else "target-directory": folder}
    ends = {"drain": False} if stop else {"cancel-job": False}
    path = f"/jobs/{job_id}/{'stop' if stop else 'savepoints'}"
    try:
        trigger = rest.post(path, {**ends, **place, "formatType": form.upper()})["request-id"]
    except JobError as refused:
        if not _NO_FOLDER.search(refused.message):
            raise
        raise ConfigurationError(
            "the cluster has no folder for savepoints", where=rest.url, hint="give one: --dir URI"
        ) from None
    deadline = time.monotonic() + timeout_s
    while (answer := rest.get(f"/jobs/{job_id}/savepoints/{trigger}"))["status"]["id"] != "COMPLETED":
        if time.monotonic() > deadline:
            raise UnavailableError(f"the savepoint of job {job_id} takes longer than {timeout_s:.0f} s")
        waiting()
        time.sleep(_LOOK_S)
    operation = answer["operation"]
    if "failure-cause" in operation:
        trace = str(operation["failure-cause"]["stack-trace"])
        raise JobError(f"the savepoint of job {job_id} failed: {root_cause(trace)}")
    return str(operation["location"])
