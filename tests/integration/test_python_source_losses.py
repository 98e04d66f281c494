"""A union source in a Python job where unread records are gone: each loss is told, by the policy."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from anabranch.devkit import process
from tests.integration.counting import delete_all
from tests.integration.source_runs import COUNT, Written, create_again

if TYPE_CHECKING:
    from pathlib import Path

    from anabranch.devkit.brokers import Broker
    from tests.conftest import StreamHandle, StreamMaker
    from tests.integration.source_runs import SourceJob, StartSource

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]

Replace = Callable[["StreamHandle", "Broker"], None]


def wipe(stream: StreamHandle, broker: Broker) -> None:
    """Makes it another Kafka cluster."""
    broker.wipe({stream.name: stream.partitions})


REPLACED = pytest.mark.parametrize(
    ("replace", "kind"), [(wipe, "CLUSTER_REPLACED"), (create_again, "TOPIC_REPLACED")]
)


def read_and_replaced(
    stream: StreamHandle, start_source: StartSource, policy: str, replace: Replace
) -> tuple[SourceJob, Written]:
    """A job that has read both primaries, of which b has another log from now on."""
    a, b = stream.loop.brokers
    written = Written(stream.name)
    written.write(a, b)
    job = start_source(stream, f"out-of-range={policy}")
    job.await_exactly(written.values)
    replace(stream, b)
    return job, written


@REPLACED
def test_under_fail_it_ends_the_job_and_is_named(
    make_stream: StreamMaker, start_source: StartSource, replace: Replace, kind: str
) -> None:
    stream = make_stream()
    job, _ = read_and_replaced(stream, start_source, "fail", replace)
    said = job.await_failure()
    assert "LostRecordsException" in said
    assert kind in said
    assert f"b/{stream.name}" in said


@REPLACED
def test_under_park_it_is_not_read_and_the_others_are(
    make_stream: StreamMaker, start_source: StartSource, replace: Replace, kind: str
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    job, written = read_and_replaced(stream, start_source, "park", replace)
    process.await_condition(lambda: job.lost(kind), 100, f"a loss in {job.flink}")
    Written(stream.name).write(b)
    for _ in range(3):
        written.write(a)
        job.await_exactly(written.values)


def test_a_backlog_that_is_deleted_while_its_primary_is_removed_is_told_when_it_is_added_again(
    make_stream: StreamMaker, start_source: StartSource
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    written = Written(stream.name)
    written.write(a, b)
    job = start_source(stream, "out-of-range=reset")
    job.await_exactly(written.values)

    [group] = stream.document["groups"].values()
    address = group["primaries"]["b"]
    group["primaries"]["b"] = {**address, "state": "removed"}
    stream.publish()

    def is_left() -> bool:
        more = written.write(b)
        time.sleep(3)
        return not set(more) & set(job.lines)

    process.await_condition(is_left, 100, "that b is read no more")
    unread = [value for value in written.values if value not in set(job.lines)]
    delete_all({"bootstrap.servers": b.bootstrap}, stream)
    written.forget(unread)
    assert len(unread) >= COUNT

    group["primaries"]["b"] = address
    stream.publish()
    written.write(a, b)
    job.await_exactly(written.values)
    assert job.lost_records("DELETED") == len(unread)


def test_what_replaced_the_end_of_a_log_is_read(
    make_stream: StreamMaker, start_source: StartSource, tmp_path: Path
) -> None:
    stream = make_stream(partitions=1)
    _, b = stream.loop.brokers
    log, kept = b.folder / "data" / f"{stream.name}-0", tmp_path / "kept"
    written = Written(stream.name)
    written.write(b)
    b.kill()
    shutil.copytree(log, kept)
    b.restart()
    written.write(b)
    job = start_source(stream, "out-of-range=reset")
    job.await_exactly(written.values)

    b.kill()  # and what it had acknowledged last is not there when it returns
    shutil.rmtree(log)
    shutil.copytree(kept, log)
    b.restart()
    written.write(b)
    written.write(b)  # beyond where the job stands: by its offset alone it would go on in the midst
    job.await_exactly(written.values)
    assert job.lost_records("TRUNCATED") == COUNT
