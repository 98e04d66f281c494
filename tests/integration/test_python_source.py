"""A union source in a Python job while primaries fail: each record comes once, or its loss is told."""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from anabranch.devkit import process
from anabranch.devkit.faulty_link import FaultyLink, link_to
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.topics import create_topics
from tests.conftest import StreamHandle

if TYPE_CHECKING:
    from anabranch.devkit.brokers import Broker
    from anabranch.devkit.process import ProcessRef
    from tests.conftest import StreamMaker

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(900)]

SOON = ("topology.interval=1 s", "discovery.interval=1 s")
COUNT = 100


class Written:
    """What was written to single primaries by plain producers, and acknowledged."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self.values: list[str] = []

    def write(self, *brokers: Broker) -> None:
        """A hundred records more to each."""
        for broker in brokers:
            producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})
            more = [f"{broker.name}-{len(self.values) + place}" for place in range(COUNT)]
            for value in more:
                producer.produce(self._stream, value.encode())
            assert producer.flush(60) == 0
            self.values += more


@dataclass
class SourceJob:
    """A job that runs, and what it has written down.

    Attributes:
        ref: Its process.
        log: What it says itself.
        flink: Where its Flink writes its log.
        file: What it writes down.
    """

    ref: ProcessRef
    log: Path
    flink: Path
    file: Path

    def lost(self, kind: str) -> bool:
        """Whether a loss of that kind was told."""
        lines = (line for log in self.flink.glob("*.log") for line in log.read_text().splitlines())
        return any("Records lost" in line and kind in line for line in lines)

    @property
    def seen(self) -> Counter[str]:
        return Counter(self.file.read_text().splitlines() if self.file.exists() else ())

    def await_exactly(self, values: list[str]) -> None:
        """Waits until there are as many; then each must be there, and once."""

        def as_many() -> bool:
            assert process.alive(self.ref), self.log.read_text()
            return self.seen.total() >= len(values)

        process.await_condition(as_many, 200, f"{len(values)} records in {self.file}")
        assert self.seen == Counter(values)

    def await_failure(self) -> str:
        """Waits until it ends; what it said."""
        process.await_condition(lambda: not process.alive(self.ref), 200, f"the end of {self.log}")
        assert process.exit_code(self.ref) != 0
        return self.log.read_text()


StartJob = Callable[..., SourceJob]


def create_again(stream: StreamHandle, broker: Broker) -> None:
    """Deletes the stream's topic on one primary and creates it again."""
    config = {"bootstrap.servers": broker.bootstrap}
    admin = AdminClient(config)  # kept: the future ends with it
    admin.delete_topics([stream.name])[stream.name].result(60)
    process.await_condition(
        lambda: stream.name not in admin.list_topics(timeout=30).topics, 60, "the topic's end"
    )
    create_topics(config, {stream.name: stream.partitions})


@pytest.fixture
def start_job(tmp_path: Path) -> Iterator[StartJob]:
    mark = f"source-{uuid.uuid4().hex}"

    def start(stream: StreamHandle, *options: str) -> SourceJob:
        folder = tmp_path / f"job-{uuid.uuid4().hex[:6]}"
        folder.mkdir()
        log, file = folder / "said", folder / "seen"
        argv: list[str | Path] = [
            sys.executable,
            "-m",
            "tests.integration.source_job",
            stream.topology,
            stream.name,
            file,
            *SOON,
            *options,
        ]
        root = Path(__file__).parents[2]
        env = {"FLINK_LOG_DIR": str(folder)}
        return SourceJob(process.start(argv, log=log, cwd=root, env=env, mark=mark), log, folder, file)

    yield start
    process.sweep(mark)


def test_each_record_comes_once_whatever_happens_to_a_primary(
    make_stream: StreamMaker, start_job: StartJob
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    written = Written(stream.name)
    b.kill()
    written.write(a)
    job = start_job(stream, "out-of-range=reset")
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
    process.await_condition(lambda: job.seen.total() >= len(written.values) - COUNT, 60, "those of a")
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


def read_and_wiped(stream: StreamHandle, start_job: StartJob, policy: str) -> tuple[SourceJob, Written]:
    """A job that has read both primaries, of which b is another Kafka cluster from now on."""
    a, b = stream.loop.brokers
    written = Written(stream.name)
    written.write(a, b)
    job = start_job(stream, f"out-of-range={policy}")
    job.await_exactly(written.values)
    b.wipe({stream.name: stream.partitions})
    return job, written


def test_under_fail_a_wiped_primary_ends_the_job_and_is_named(
    make_stream: StreamMaker, start_job: StartJob
) -> None:
    stream = make_stream()
    job, _ = read_and_wiped(stream, start_job, "fail")
    said = job.await_failure()
    assert "LostRecordsException" in said
    assert f"b/{stream.name}" in said


def test_under_park_a_wiped_primary_is_not_read_and_the_others_are(
    make_stream: StreamMaker, start_job: StartJob
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    job, written = read_and_wiped(stream, start_job, "park")
    process.await_condition(lambda: job.lost("CLUSTER_REPLACED"), 100, f"a loss in {job.flink}")
    Written(stream.name).write(b)
    for _ in range(3):
        written.write(a)
        job.await_exactly(written.values)


def test_a_bounded_read_fails_by_its_deadline_and_names_who_is_missing(
    make_stream: StreamMaker, start_job: StartJob
) -> None:
    stream = make_stream()
    a, b = stream.loop.brokers
    Written(stream.name).write(a, b)
    b.kill()
    job = start_job(stream, "scan.bounded.mode=latest", "scan.bounded.deadline=5 s")
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
    linked: tuple[StreamHandle, FaultyLink], start_job: StartJob
) -> None:
    stream, link = linked
    a, b = stream.loop.brokers
    written = Written(stream.name)
    link.silence()
    written.write(a)
    job = start_job(stream)
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
        process.await_condition(lambda: job.seen.total() >= len(written.values), 60, "those of a")
        written.write(b)
        link.open()
        job.await_exactly(written.values)
