"""With which options this machine asks the storage of checkpoints: those of the Flink that writes there."""

from __future__ import annotations

from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.sensitive import HIDDEN
from anabranch.pipelines.settings import Settings
from anabranch.pipelines.uris import local_path
from anabranch.topology.blob_service import flink_blob_options

__all__ = ["cluster_options", "file_system_options", "is_seen_here"]

_ANSWER_LIMIT_S = 5.0
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# Of Flink's file systems, each with what plugins call their options.
_BEGINNINGS = ("fs.", "s3.", "gs.")


def file_system_options(settings: Settings) -> dict[str, str]:
    """Options of Flink's file systems: of this process's environment, the cluster, the settings, which win.

    Args:
        settings: Of a run.
    """
    told = {} if settings.cluster is None else cluster_options(settings.cluster)
    options = {**flink_blob_options(), **told, **{key: _text(value) for key, value in settings.flink.items()}}
    return {key: value for key, value in options.items() if key.startswith(_BEGINNINGS)}


def cluster_options(cluster: str) -> dict[str, str]:
    """Flink's options of a cluster, without secrets, which it does not tell; none where it does not answer.

    Args:
        cluster: ``host:port`` of its API.
    """
    try:
        told = RestClient(f"http://{cluster}", timeout_s=_ANSWER_LIMIT_S).get("/jobmanager/config")
    except (UnavailableError, JobError):
        return {}
    return {option["key"]: str(option["value"]) for option in told if option["value"] != HIDDEN}


def is_seen_here(uri: str, cluster: str | None) -> bool:
    """Whether what a path means to a Flink is the same here: no local path of another machine.

    Args:
        uri: Of a file system.
        cluster: ``host:port`` of that Flink; None: this process.
    """
    here = cluster is None or cluster.rpartition(":")[0] in _LOOPBACK
    return here or local_path(uri) is None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
