"""Where a union source in a Python job starts while a primary is out of reach."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from anabranch.devkit import process
from tests.integration.source_runs import Written

if TYPE_CHECKING:
    from tests.conftest import StreamMaker
    from tests.integration.source_runs import StartSource

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]


def test_by_a_time_each_primary_starts_at_that_time_whenever_it_answers(
    make_stream: StreamMaker, start_source: StartSource
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    Written(stream.name).write(a, b)
    time.sleep(0.1)  # so that the next ones are later by the millisecond
    start_ms = int(time.time() * 1000)
    time.sleep(0.1)
    written = Written(stream.name)
    waiting = written.write(a, b)
    b.kill()
    job = start_source(stream, "scan.startup.mode=timestamp", f"scan.startup.timestamp-millis={start_ms}")
    job.await_exactly([value for value in written.values if value not in waiting])

    b.restart()
    job.await_exactly(written.values)
    written.write(a, b)
    job.await_exactly(written.values)


def test_at_the_latest_a_primary_that_is_down_starts_at_the_start_of_the_job(
    make_stream: StreamMaker, start_source: StartSource
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    Written(stream.name).write(a, b, mark="before-")
    b.kill()
    job = start_source(stream, "scan.startup.mode=latest")
    # Both partitions of a are asked for their ends at once, but nobody knows when.
    probes = Written(stream.name)

    def is_read() -> bool:
        assert process.alive(job.ref), job.log.read_text()
        probed = probes.write(a, mark="probe-")
        time.sleep(1)
        return set(probed) <= set(job.lines)

    def others() -> Counter[str]:
        return Counter(value for value in job.lines if not value.startswith("probe-"))

    process.await_condition(is_read, 200, f"records of a in {job.file}")
    written = Written(stream.name)
    written.write(a)
    process.await_condition(lambda: others().total() >= len(written.values), 60, "those of a")

    b.restart()
    written.write(b, a)
    process.await_condition(lambda: others().total() >= len(written.values), 200, "those of both")
    assert others() == Counter(written.values)


def test_a_name_that_does_not_resolve_is_corrected_under_a_job(
    make_stream: StreamMaker, start_source: StartSource
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    written = Written(stream.name)
    written.write(b, a)
    stream.move(b="no-such-host.invalid:9092")
    job = start_source(stream)
    job.await_exactly([value for value in written.values if value.startswith("a")])

    stream.move(b=b.bootstrap)
    job.await_exactly(written.values)
    written.write(a, b)
    job.await_exactly(written.values)
