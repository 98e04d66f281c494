"""Which log the union reader of Python reads: topics that are created again, wiped and renamed primaries."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from anabranch.connectors import readers
from anabranch.connectors.guide import Guide
from anabranch.connectors.readers import UnionReader
from anabranch.devkit import process
from anabranch.devkit.brokers import Broker
from anabranch.devkit.faulty_link import FaultyLink
from anabranch.devkit.loop import Loop, LoopSpec
from tests.integration.conftest import ANABRANCH

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = pytest.mark.brokers

YEAR_MS = 365 * 24 * 3600 * 1000


@pytest.fixture(scope="module")
def session_loop() -> Iterator[Loop]:
    """Brokers of this module's own, of which other modules' tests notice nothing."""
    with Loop.up(LoopSpec(name=f"reader-{os.getpid()}", primaries=2, streams={})) as loop:
        yield loop


@pytest.fixture
def linked(make_stream: StreamMaker, link: FaultyLink) -> StreamHandle:
    """A stream of one partition whose primary a is reached by the link."""
    return make_stream(partitions=1).move(a=link.bootstrap)


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents are looked at every 0.2 s rather than every ten."""
    monkeypatch.setattr(
        readers, "Guide", lambda topology, **settings: Guide(topology, **{**settings, "interval_s": 0.2})
    )


def primaries(stream: StreamHandle) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = stream.document["groups"]["test"]["primaries"]
    return found


def write(broker: Broker, topic: str, prefix: str, count: int, *, age_ms: int = 0) -> set[bytes]:
    values = {b"%s%d" % (prefix.encode(), number) for number in range(count)}
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for value in values:
        producer.produce(topic, value, timestamp=int(time.time() * 1000) - age_ms)
    assert producer.flush(30) == 0
    return values


def create_again(broker: Broker, topic: str) -> None:
    admin = AdminClient(broker.client_config())
    admin.delete_topics([topic])[topic].result(30)

    def create() -> bool:
        error = admin.create_topics([NewTopic(topic, 1, 1)])[topic].exception(30)
        assert error is None or "already exists" in str(error)
        return error is None

    process.await_condition(create, 30, "the former topic to be gone")


class Reading:
    """What a reader has handed over and told so far."""

    def __init__(self, reader: UnionReader) -> None:
        self.reader = reader
        self.got: Counter[bytes | None] = Counter()
        self.told: list[tuple[str, str]] = []

    def step(self) -> None:
        self.got.update(record.value for record in self.reader.poll(0.1))
        self.told += self.reader.news()

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 25
        while not condition():
            assert time.monotonic() < deadline, f"got {len(self.got)}, problems {self.reader.problems()}"
            self.step()

    def settle(self, expected: set[bytes]) -> None:
        """Each of these once, and nothing else, also some time later."""
        deadline = time.monotonic() + 25
        while set(self.got) != expected and time.monotonic() < deadline:
            self.step()
        missing = len(expected - set(self.got))
        assert missing == 0, f"{missing} of {len(expected)} were skipped; {self.reader.problems()}"
        until = time.monotonic() + 2
        while time.monotonic() < until:
            self.step()
        twice = sum(count > 1 for count in self.got.values())
        assert twice == 0, f"{twice} of {len(expected)} came more than once"
        assert set(self.got) == expected


@contextmanager
def reading(stream: StreamHandle, start: Literal["earliest", "latest"] = "earliest") -> Iterator[Reading]:
    with UnionReader(stream.topology, stream.name, start=start) as reader:
        yield Reading(reader)


@pytest.mark.parametrize("start", ["earliest", "latest"])
def test_a_topic_that_was_created_again_behind_a_cut_link_is_read_from_its_start_and_told(
    linked: StreamHandle, link: FaultyLink, start: Literal["earliest", "latest"]
) -> None:
    a = linked.loop.broker("a")
    with reading(linked, start) as read:
        old = write(a, linked.name, "old", 100)
        read.until(lambda: set(read.got) == old)
        link.cut()
        read.until(lambda: "a" in read.reader.problems())
        create_again(a, linked.name)
        # Whatever their create time: the topic is newer than the reader.
        new = write(a, linked.name, "new", 300, age_ms=YEAR_MS)
        link.open()
        read.settle(old | new)
        [(name, text)] = read.told
        assert name == "a"
        assert f"topic '{linked.name}' was created again" in text
        assert "what was not read of the former one, if anything, is gone" in text


def test_a_topic_that_is_created_again_while_it_is_read_is_read_from_its_start(
    linked: StreamHandle,
) -> None:
    a = linked.loop.broker("a")
    with reading(linked) as read:
        old = write(a, linked.name, "old", 100)
        read.until(lambda: set(read.got) == old)
        create_again(a, linked.name)
        new = write(a, linked.name, "new", 3000)
        read.settle(old | new)
        assert [name for name, _ in read.told] == ["a"]


def test_a_wiped_primary_is_read_from_its_start_and_told(linked: StreamHandle, link: FaultyLink) -> None:
    a = linked.loop.broker("a")
    former = a.spec.cluster_id
    with reading(linked) as read:
        old = write(a, linked.name, "old", 100)
        read.until(lambda: set(read.got) == old)
        link.cut()
        read.until(lambda: "a" in read.reader.problems())
        a.wipe({linked.name: 1})
        new = write(a, linked.name, "new", 300)
        link.open()
        read.settle(old | new)
        [(name, text)] = read.told
        assert name == "a"
        assert f"another Kafka cluster now ({a.spec.cluster_id}, was {former})" in text


@pytest.mark.usefixtures("quickly")
def test_a_primary_that_is_removed_and_added_again_goes_on_where_it_was_left(
    make_stream: StreamMaker,
) -> None:
    stream = make_stream(partitions=3)
    b = stream.loop.broker("b")
    with reading(stream) as read:
        first = write(b, stream.name, "first", 500)
        read.until(lambda: set(read.got) == first)
        primaries(stream)["b"]["state"] = "removed"
        stream.publish()
        read.until(lambda: read.reader.primaries == ["a"])
        second = write(b, stream.name, "second", 500)
        primaries(stream)["b"]["state"] = "active"
        stream.publish()
        read.settle(first | second)
        assert read.told == []


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("names", [{"a": "a", "b": "c"}, {"a": "b", "b": "a"}], ids=["other", "swapped"])
def test_a_renamed_primary_goes_on_where_it_stood(make_stream: StreamMaker, names: dict[str, str]) -> None:
    stream = make_stream(partitions=3)
    writes = [partial(write, stream.loop.broker(name), stream.name) for name in "ab"]
    with reading(stream) as read:
        first = writes[0]("a1-", 500) | writes[1]("b1-", 500)
        read.until(lambda: set(read.got) == first)
        known = dict(primaries(stream))
        gone = {name: {**known[name], "state": "removed"} for name in known if name not in names.values()}
        renamed = {names[name]: known[name] for name in known}
        stream.document["groups"]["test"]["primaries"] = gone | renamed
        stream.publish()
        read.until(lambda: sorted(read.reader.primaries) == sorted(names.values()))
        second = writes[0]("a2-", 500) | writes[1]("b2-", 500)
        read.settle(first | second)
        assert read.told == []


@pytest.mark.usefixtures("quickly")
def test_a_topic_that_was_created_again_under_another_name_of_its_primary_is_told(
    make_stream: StreamMaker,
) -> None:
    stream = make_stream(partitions=1)
    b = stream.loop.broker("b")
    with reading(stream, "latest") as read:
        old = write(b, stream.name, "old", 100)
        read.until(lambda: set(read.got) == old)
        primaries(stream)["b"]["state"] = "removed"
        stream.publish()
        read.until(lambda: read.reader.primaries == ["a"])
        create_again(b, stream.name)
        new = write(b, stream.name, "new", 300, age_ms=YEAR_MS)
        primaries(stream)["c"] = {"bootstrap": [b.bootstrap]}
        stream.publish()
        read.settle(old | new)
        [(name, text)] = read.told
        assert (name, "was created again" in text) == ("c", True)


@pytest.mark.usefixtures("quickly")
def test_another_topic_of_the_stream_is_followed_and_the_former_one_goes_on_when_it_returns(
    make_stream: StreamMaker,
) -> None:
    stream, other = make_stream(partitions=1), make_stream(partitions=1)
    a = stream.loop.broker("a")
    entry = stream.document["groups"]["test"]["streams"][stream.name]
    with reading(stream) as read:
        got = write(a, stream.name, "one", 100)
        read.until(lambda: set(read.got) == got)
        entry["topic"] = other.name
        stream.publish()
        got |= write(a, other.name, "two", 100)
        read.settle(got)
        assert {text.partition(";")[0] for _, text in read.told} == {f"topic '{other.name}' is read now"}
        entry["topic"] = stream.name
        stream.publish()
        got |= write(a, stream.name, "three", 100)
        read.settle(got)


def test_tail_says_that_a_topic_was_created_again(
    linked: StreamHandle, link: FaultyLink, tmp_path: Path
) -> None:
    a = linked.loop.broker("a")
    write(a, linked.name, "old", 100)
    log = tmp_path / "tail.log"
    options = ["--topology", linked.topology, "--from", "earliest", "--count", "400"]
    ref = process.start([ANABRANCH, "tail", linked.name, *options], log=log, cwd=tmp_path)
    try:
        process.await_condition(lambda: log.read_text().count("old") == 100, 30, "the records of now")
        link.cut()
        process.await_condition(lambda: "trying again" in log.read_text(), 30, "the cut to be told")
        create_again(a, linked.name)
        write(a, linked.name, "new", 300)
        link.open()
        process.await_condition(lambda: not process.alive(ref), 30, f"the end of {log}")
    finally:
        process.kill(ref)
    said = [line for line in log.read_text().splitlines() if "created again" in line]
    assert len(said) == 1, log.read_text()
    assert said[0].startswith(f"primary a: topic '{linked.name}' was created again, and is read")
    assert log.read_text().index(said[0]) < log.read_text().index("new")


def test_looking_which_log_it_is_ends_with_the_reader(linked: StreamHandle, link: FaultyLink) -> None:
    write(linked.loop.broker("a"), linked.name, "old", 100)
    with reading(linked) as read:
        read.until(lambda: len(read.got) == 100)
        link.silence()
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert not [each for each in threading.enumerate() if each.name.startswith("read-")]
