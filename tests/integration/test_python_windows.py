"""Windows of a Python job while a primary is away: complete under ``hold``, in time under ``advance``."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer

from anabranch.connectors.dead_letters import read_dead_letters
from anabranch.devkit import process

if TYPE_CHECKING:
    from anabranch.devkit.brokers import Broker
    from tests.conftest import StreamHandle, StreamMaker
    from tests.integration.source_runs import SourceJob, StartSource

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]

EACH = 10
"""Records of a minute on one primary."""

FIRST = int(time.time() // 60) - 120
"""The minute that is counted as 0."""

PATIENCE_S = 10
"""Several idle timeouts: windows that did not wait would be over by then."""

SOON = ("watermark.delay=0 s", "watermark.idle-timeout=2 s")


def write(stream: StreamHandle, broker: Broker, minutes: range) -> None:
    """To both partitions, in order."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})
    for place in range(len(minutes) * EACH):
        at_ms = ((FIRST + minutes.start) * EACH + place) * 60_000 // EACH
        value = json.dumps({"run": f"{broker.name}-{minutes.start}-{place}"}).encode()
        producer.produce(stream.name, value, partition=place % stream.partitions, timestamp=at_ms)
    assert producer.flush(60) == 0


def windows(job: SourceJob) -> list[tuple[int, int]]:
    """Minute and count of each window that has fired."""
    found = (line.split() for line in job.lines)
    return sorted((int(minute) - FIRST, int(records)) for minute, records in found)


def late_records(stream: StreamHandle, late: StreamHandle) -> list[str]:
    """The runs of what came behind the watermark."""
    letters = read_dead_letters(stream.topology, late.name).letters
    assert {letter.reason for letter in letters} <= {"late"}
    return sorted(json.loads(letter.value or b"{}")["run"] for letter in letters)


def test_hold_waits_for_a_primary_that_is_down_and_each_window_is_complete(
    make_stream: StreamMaker, start_source: StartSource
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    write(stream, a, range(4))
    write(stream, b, range(4))
    b.kill()
    job = start_source(stream, "watermark.mode=hold", *SOON, program="window_job")
    job.await_said(f"Primary a: {stream.partitions} new logs")
    job.await_said("primary b does not answer")
    time.sleep(PATIENCE_S)
    b.restart()
    job.await_lines(3)
    assert windows(job) == [(minute, 2 * EACH) for minute in range(3)]

    b.kill()
    write(stream, a, range(4, 9))
    time.sleep(PATIENCE_S)
    b.restart()
    write(stream, b, range(4, 9))
    job.await_lines(8)
    assert windows(job) == [(minute, 2 * EACH) for minute in range(8)]


def test_advance_goes_on_and_windows_and_late_records_together_are_complete(
    make_stream: StreamMaker, start_source: StartSource
) -> None:
    stream, late = make_stream(), make_stream()
    streams = stream.document["groups"]["test"]["streams"]
    streams |= late.document["groups"]["test"]["streams"]
    stream.publish()
    a, b = stream.loop.brokers
    write(stream, a, range(4))
    write(stream, b, range(4))
    options = ("watermark.mode=advance", f"late-records={late.name}", *SOON)
    job = start_source(stream, *options, program="window_job")
    job.await_lines(3)
    assert windows(job) == [(minute, 2 * EACH) for minute in range(3)]

    b.kill()
    write(stream, a, range(4, 9))
    job.await_lines(8)
    missing = 4
    expected = [(minute, 2 * EACH if minute < missing else EACH) for minute in range(8)]
    assert windows(job) == expected

    b.restart()
    write(stream, b, range(4, 8))
    comes_late = sorted(f"b-4-{place}" for place in range(4 * EACH))
    process.await_condition(lambda: len(late_records(stream, late)) >= len(comes_late), 200, "late records")
    assert late_records(stream, late) == comes_late
    assert windows(job) == expected
