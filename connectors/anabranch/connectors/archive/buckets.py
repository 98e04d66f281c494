"""The folders of an archive: ``stream=logs/date=2026-11-30/hour=21``, by create time in UTC.

Java's twin is ``HourOfRecord``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

__all__ = ["SUFFIX", "is_file", "may_hold", "stream_folder", "stream_of"]

SUFFIX = ".avro"
_STREAM = re.compile(r"stream=([^/]+)/")
_HOUR = re.compile(r"(?:^|/)date=(\d{4}-\d\d-\d\d)/hour=(\d\d)/")
_HOUR_MS = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_file(name: str) -> bool:
    """Whether a name below the archive is that of a finished file.

    Flink's unfinished ones, which there are on disks alone, begin with a dot and end otherwise.
    """
    return name.endswith(SUFFIX) and not any(part.startswith((".", "_")) for part in name.split("/"))


def stream_folder(stream: str) -> str:
    """Where the files of a stream are."""
    return f"stream={stream}/"


def stream_of(name: str) -> str | None:
    """The stream of a folder or file; None if it is not of an archive."""
    found = _STREAM.match(name)
    return found[1] if found else None


def may_hold(name: str, since_ms: int | None, until_ms: int | None) -> bool:
    """Whether a file may have records of a span of time; one in no hour's folder may have any."""
    found = _HOUR.search(name)
    if found is None:
        return True
    begin = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) + timedelta(hours=int(found[2]))
    begin_ms = round((begin - _EPOCH).total_seconds()) * 1000
    return (until_ms is None or begin_ms < until_ms) and (since_ms is None or begin_ms + _HOUR_MS > since_ms)
