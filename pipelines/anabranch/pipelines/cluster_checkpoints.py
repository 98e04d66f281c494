"""Where a session cluster keeps checkpoints of jobs that do not say where."""

from __future__ import annotations

from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.configuration import CHECKPOINT_DIR
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.uris import local_path

__all__ = ["shared_checkpoints"]

_ANSWER_LIMIT_S = 5.0


def shared_checkpoints(cluster: str) -> str | None:
    """URI of the cluster's own folder of checkpoints; None where that is on a disk, or it has none.

    Also where it does not answer: that is told by what needs an answer.

    Args:
        cluster: ``host:port`` of its API.
    """
    try:
        options = RestClient(f"http://{cluster}", timeout_s=_ANSWER_LIMIT_S).get("/jobmanager/config")
    except (UnavailableError, JobError):
        return None
    place = next((str(option["value"]) for option in options if option["key"] == CHECKPOINT_DIR), None)
    return None if place is None or local_path(place) is not None else place
