"""A union source in a Python job while primaries fail and come back: each record comes once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from anabranch.devkit.faulty_link import FaultyLink, link_to
from anabranch.devkit.loop import Loop, LoopSpec
from tests.conftest import StreamHandle
from tests.integration.source_runs import COUNT, Written, create_again

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StreamMaker
    from tests.integration.source_runs import StartSource

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(900)]


def test_each_record_comes_once_whatever_happens_to_a_primary(
    make_stream: StreamMaker, start_source: StartSource
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    written = Written(stream.name)
    b.kill()
    written.write(a)
    job = start_source(stream, "out-of-range=reset")
    job.await_exactly(written.values)

    b.restart()  # it was down at the first start
    written.write(a, b)
    job.await_exactly(written.values)

    b.kill()
    written.write(a)
    b.restart()
    written.write(b)
    job.await_exactly(written.values)

    b.pause()
    written.write(a)
    job.await_exactly(written.values)
    b.resume()
    written.write(b)
    job.await_exactly(written.values)

    primaries = stream.document["groups"]["test"]["primaries"]
    address = primaries["b"]
    primaries["b"] = {**address, "state": "removed"}
    stream.publish()
    written.write(a, b)
    job.await_lines(len(written.values) - COUNT)
    primaries["b"] = address
    stream.publish()
    job.await_exactly(written.values)

    create_again(stream, b)
    written.write(a, b)
    job.await_exactly(written.values)
    assert job.lost("TOPIC_REPLACED")

    b.wipe({stream.name: stream.partitions})
    written.write(a, b)
    job.await_exactly(written.values)
    assert job.lost("CLUSTER_REPLACED")


def test_a_bounded_read_fails_by_its_deadline_and_names_who_is_missing(
    make_stream: StreamMaker, start_source: StartSource
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    Written(stream.name).write(a, b)
    b.kill()
    job = start_source(stream, "scan.bounded.mode=latest", "scan.bounded.deadline=5 s")
    said = job.await_failure()
    assert "UnreachablePrimariesException" in said
    assert "primary b" in said


@pytest.fixture
def linked(tmp_path: Path) -> Iterator[tuple[StreamHandle, FaultyLink]]:
    """A stream on two primaries, of which b is behind a link."""
    spec = LoopSpec(name=f"linked-{uuid.uuid4().hex[:6]}", primaries=2, streams={"s": 2})
    with Loop.up(spec) as loop, link_to(loop.broker("b"), loop.folder) as link:
        primaries = {"a": {"bootstrap": [loop.broker("a").bootstrap]}, "b": {"bootstrap": [link.bootstrap]}}
        streams = {"s": {"topic": "s", "partitions": 2}}
        document = {"generation": 0, "groups": {"test": {"primaries": primaries, "streams": streams}}}
        stream = StreamHandle("s", 2, loop, tmp_path / "linked.yaml", document)
        stream.publish()
        yield stream, link


def test_a_black_hole_stops_nobody_and_its_records_come_once(
    linked: tuple[StreamHandle, FaultyLink], start_source: StartSource
) -> None:
    stream, link = linked
    a, b = stream.loop.brokers
    written = Written(stream.name)
    link.silence()
    written.write(a)
    job = start_source(stream)
    job.await_exactly(written.values)
    link.open()
    written.write(a, b)
    job.await_exactly(written.values)
    changes: list[Callable[[], None]] = [
        link.silence,
        lambda: link.silence(answers_only=True),
        lambda: link.slow(0.4),
        link.cut,
    ]
    for change in changes:
        change()
        written.write(a)
        job.await_lines(len(written.values))
        written.write(b)
        link.open()
        job.await_exactly(written.values)
