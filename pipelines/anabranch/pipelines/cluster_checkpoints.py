"""Where a session cluster keeps checkpoints of jobs that do not say where."""

from __future__ import annotations

from anabranch.pipelines.configuration import CHECKPOINT_DIR
from anabranch.pipelines.storage import cluster_options
from anabranch.pipelines.uris import local_path

__all__ = ["shared_checkpoints"]


def shared_checkpoints(cluster: str) -> str | None:
    """URI of the cluster's own folder of checkpoints; None where that is on a disk, or it has none.

    Also where it does not answer: that is told by what needs an answer.

    Args:
        cluster: ``host:port`` of its API.
    """
    place = cluster_options(cluster).get(CHECKPOINT_DIR)
    return None if place is None or local_path(place) is not None else place
