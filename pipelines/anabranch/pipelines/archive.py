"""An archive of a job: a stream whose raw records go to Avro files, nothing decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anabranch.errors import ConfigurationError

__all__ = ["Archive", "archive_place"]


@dataclass(frozen=True)
class Archive:
    """One stream that a job archives.

    Attributes:
        stream: Name in the topology document.
        to: Folder or URI of the archive; None: the one of the settings.
        where: Line of the job that asked for it.
        options: Further options of the connector ``union``.
    """

    stream: str
    to: str | None
    where: str
    options: Mapping[str, str] = field(default_factory=dict)


def archive_place(archive: Archive, setting: str | None) -> str:
    """Folder or URI that the files go to.

    Args:
        archive: Of the job.
        setting: What the run's settings say.

    Raises:
        ConfigurationError: Neither says it.
    """
    place = archive.to or setting
    if place is None:
        raise ConfigurationError(
            f"no place is given for the archive of {archive.stream}",
            where=archive.where,
            hint="`archive: abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH` in job.yaml, or a folder;"
            " --archive, ANABRANCH_ARCHIVE, or to= in that line",
        )
    return place
