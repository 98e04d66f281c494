"""Whether a cluster has room for a job: without room Flink restarts it for ever."""

from __future__ import annotations

import time
from typing import Any

from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.settings import Settings

__all__ = ["check_slots", "needed_slots"]

# Slots of a job that has just ended are free a moment later.
_FREED_S = 3.0
# Those of the jobs of a JobManager that has died: TaskManagers have to notice, and then keep them for a while
# (taskmanager.slot.timeout).
_LEFT_S = 40.0
_POLL_S = 0.25
# More would not help to choose which one to end.
_SHOWN_JOBS = 5
_FLEXIBLE = ("adaptive", "reactive")


def needed_slots(settings: Settings) -> int:
    """At least so many: the operators of one subtask share a slot."""
    chosen = str(settings.flink.get("parallelism.default", settings.parallelism))
    return int(chosen) if chosen.isdigit() else 1


def check_slots(address: str, needed: int) -> None:
    """Asks the cluster at ``host:port`` for free slots.

    Raises:
        UnavailableError: It has too few, and makes no more by itself.
    """
    rest = RestClient(f"http://{address}")
    began = time.monotonic()
    while (overview := rest.get("/overview"))["slots-available"] < needed:
        if _makes_room(rest):
            return
        are_left = overview["slots-total"] >= needed and not rest.jobs_that_go_on()
        if time.monotonic() - began > (_LEFT_S if are_left else _FREED_S):
            raise _too_few(rest, address, needed, overview)
        time.sleep(_POLL_S)


def _makes_room(rest: RestClient) -> bool:
    """Whether it starts TaskManagers when a job needs them, or runs a job on what there is."""
    try:
        options = {entry["key"]: entry["value"] for entry in rest.get("/jobmanager/config")}
    except (JobError, UnavailableError):  # an operator may have closed that page
        return False
    target = options.get("execution.target", "")
    grows = any(key.startswith(("kubernetes.cluster-id", "yarn.")) for key in options)
    modes = {options.get(key, "").lower() for key in ("jobmanager.scheduler", "scheduler-mode")}
    return grows or target.startswith(("kubernetes", "yarn")) or not modes.isdisjoint(_FLEXIBLE)


def _too_few(rest: RestClient, address: str, needed: int, overview: dict[str, Any]) -> UnavailableError:
    jobs = rest.jobs_that_go_on()
    names = [f"{job['name']} ({job['jid']})" for job in jobs[:_SHOWN_JOBS]]
    more = [f"{len(jobs) - len(names)} more"] if len(jobs) > len(names) else []
    running = ", ".join(names + more) or "no job"
    free, total = overview["slots-available"], overview["slots-total"]
    return UnavailableError(
        f"the job needs {needed} slots, {free} of {total} are free; there runs: {running}",
        where=f"--cluster {address}",
        hint="lower --parallelism, add TaskManagers, or end a job that runs there",
    )
