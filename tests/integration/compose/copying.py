"""The job of `copy.sql` on the Flink of docker-compose.yml, and what it must have written."""

from __future__ import annotations

import time
from collections.abc import Iterable, Set
from pathlib import Path

from anabranch.connectors import RecordId
from anabranch.connectors.readers import UnionReader
from anabranch.devkit.flink_rest import FlinkRest
from tests.integration.compose.accounting import Expected
from tests.integration.compose.project import ComposeProject

__all__ = ["CopiesRead", "copy_id", "expected_copies", "start_copying"]

_SCRIPT = Path(__file__).with_name("copy.sql")
_RUN_LIMIT_S = 240.0


def start_copying(project: ComposeProject, flink: FlinkRest) -> str:
    """Submits the job with the SQL client of the JobManager's image; its id, once all of it runs."""
    printed = project.run_sql(_SCRIPT)
    jobs = flink.jobs()
    assert [job.name for job in jobs] == ["copy"], printed
    flink.await_running(jobs[0].id, timeout_s=_RUN_LIMIT_S)
    return jobs[0].id


def copy_id(original: RecordId) -> RecordId:
    """The id that the job derives: the same however often it writes the copy."""
    return RecordId.derived(original, "compose", "copies", 0)


def expected_copies(expected: Expected, logged: Set[RecordId]) -> Expected:
    """What the job must have written.

    Args:
        expected: Of the stream that it reads.
        logged: Ids of all records that are there: it reads also what nobody acknowledged.
    """
    sent = {copy_id(each): number for each, number in expected.sent.items()}
    # Its sink may hedge each of them.
    return Expected(sent, acknowledged={copy_id(each) for each in logged}, unclear=sent.keys())


class CopiesRead:
    """Follows the stream of copies.

    Args:
        reader: Of that stream, from its beginning.
    """

    def __init__(self, reader: UnionReader) -> None:
        self._reader = reader
        self._ids: set[RecordId | None] = set()

    def await_copies(self, originals: Iterable[RecordId], *, timeout_s: float) -> None:
        """Waits until each of these records has been copied."""
        wanted = {copy_id(each) for each in originals}
        deadline = time.monotonic() + timeout_s
        while missing := wanted - self._ids:
            assert time.monotonic() < deadline, f"{len(missing)} of {len(wanted)} records are not copied"
            self._ids.update(record.id for record in self._reader.poll(0.2))
