"""How a primary is read whose topic is created again, whose brokers lag, or whose partitions are silent."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from anabranch.connectors import log_places, primary_reader
from anabranch.connectors.log_places import LogId
from anabranch.connectors.primary_reader import Batch, PrimaryReader
from anabranch.devkit.process import await_condition
from anabranch.topology import Primary

OLD, NEW = LogId("k", "t", "one"), LogId("k", "t", "two")


@dataclass
class Cluster:
    """What consumers and admin clients of one primary see."""

    log: LogId = OLD
    values: list[bytes] = field(default_factory=list)
    leaders: dict[int, int] = field(default_factory=lambda: {0: 1})
    silent: set[int] = field(default_factory=set)
    seen: list[LogId] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None
    fails: int = 0

    def consumer(self, config: dict[str, Any]) -> FakeConsumer:
        return FakeConsumer(self)

    def identity(self, config: dict[str, Any]) -> Cluster:
        return self

    def ask(self, topic: str, limit_s: float, halted: Callable[[], bool]) -> LogId:
        self.before_answer()
        self.seen.append(self.log)
        return self.log


class FakeMessage:
    def __init__(self, partition: int, offset: int, value: bytes, error: KafkaError | None = None) -> None:
        self._fields = partition, offset, value, error

    def error(self) -> KafkaError | None:
        return self._fields[3]

    def partition(self) -> int:
        return self._fields[0]

    def offset(self) -> int:
        return self._fields[1]

    def value(self) -> bytes:
        return self._fields[2]

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def key(self) -> None: ...

    def headers(self) -> None: ...


class FakeConsumer:
    """Goes on at its offset, whatever the topic of that name is: as librdkafka does."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.places: dict[int, int] = {}
        self.ended: set[int] = set()

    def list_topics(self, topic: str, timeout: float) -> object:
        if self.cluster.fails:
            self.cluster.fails -= 1
            self.cluster.values = [*self.cluster.values, b"late"]
            raise KafkaException(KafkaError(KafkaError._FAIL))
        partitions = {n: SimpleNamespace(leader=leader) for n, leader in self.cluster.leaders.items()}
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions=partitions)})

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        self.places.update({place.partition: max(0, place.offset) for place in places})

    def consume(self, count: int, timeout: float) -> list[FakeMessage]:
        found: list[FakeMessage] = []
        for number, offset in self.places.items():
            if number in self.cluster.silent:
                continue
            values = self.cluster.values[offset:] if number == 0 else []
            found += [FakeMessage(number, offset + n, value) for n, value in enumerate(values)]
            self.places[number] = offset + len(values)
            if number not in self.ended:
                self.ended.add(number)
                end = KafkaError(KafkaError._PARTITION_EOF)
                found.append(FakeMessage(number, self.places[number], b"", end))
        time.sleep(0 if found else min(timeout, 0.02))
        return found

    def close(self) -> None: ...


@dataclass
class Read:
    cluster: Cluster
    open: Callable[..., PrimaryReader]
    out: queue.Queue[Batch] = field(default_factory=queue.Queue)
    told: list[str] = field(default_factory=list)

    def values(self) -> list[bytes | None]:
        return [record.value for batch in list(self.out.queue) for record in batch.records]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    cluster = Cluster()
    monkeypatch.setattr(primary_reader, "Consumer", cluster.consumer)
    monkeypatch.setattr(primary_reader, "LogIdentity", cluster.identity)
    for name in ("_RETRY_S", "_DISCOVERY_S", "_LEADER_S"):
        monkeypatch.setattr(primary_reader, name, 0.05)
    monkeypatch.setattr(primary_reader, "_SILENT_S", 0.3)
    opened: list[PrimaryReader] = []

    def start(*, until_end: bool = False, deadline_s: float = 60) -> PrimaryReader:
        primary = Primary.model_validate({"bootstrap": ["a:9092"]})
        reader = PrimaryReader(
            "a",
            "t",
            primary,
            {},
            found.out,
            tell=found.told.append,
            since_ms=None,
            until_end=until_end,
            deadline_s=deadline_s,
        )
        opened.append(reader)
        return reader

    found = Read(cluster, start)
    yield found
    for reader in opened:
        reader.stop()
    assert all(reader.join(30) for reader in opened)


def test_what_was_read_before_the_answer_came_is_not_taken_for_the_former_log(read: Read) -> None:
    read.cluster.values = [b"old"] * 3
    read.open()
    await_condition(lambda: len(read.values()) == 3, 10, "the old ones")
    new = [b"new%d" % number for number in range(5)]

    def replaced() -> None:
        # While the question is under way that is asked because of what came of the new one.
        if read.cluster.values is new:
            read.cluster.log = NEW

    read.cluster.before_answer = replaced
    read.cluster.values = new
    await_condition(lambda: len(read.values()) >= 8, 10, "the new ones")
    assert read.values() == [b"old"] * 3 + new
    assert len(read.told) == 1


def test_a_broker_that_lags_is_waited_for_and_brings_nothing_twice(read: Read) -> None:
    read.cluster.values = [b"old"] * 3
    reader = read.open()
    await_condition(lambda: len(read.values()) == 3, 10, "the old ones")
    read.cluster.log, read.cluster.values = NEW, [b"new"] * 2
    await_condition(lambda: len(read.values()) == 5, 10, "the new ones")
    read.cluster.log = OLD
    await_condition(lambda: reader.problem == "a broker still shows the former topic 't'", 10, "the lag")
    read.cluster.values = [b"new"] * 3
    read.cluster.log = NEW
    await_condition(lambda: len(read.values()) == 6 and reader.problem is None, 10, "what came meanwhile")
    assert len(read.told) == 1


def test_brokers_that_are_updated_to_topic_ids_are_read_on(read: Read) -> None:
    read.cluster.log = OLD._replace(topic_id="")
    read.cluster.values = [b"1", b"2"]
    read.open()
    await_condition(lambda: len(read.values()) == 2, 10, "the first ones")
    read.cluster.log = OLD
    read.cluster.values = [b"1", b"2", b"3"]
    await_condition(lambda: len(read.values()) == 3, 10, "the next one")
    assert (read.values(), read.told) == ([b"1", b"2", b"3"], [])


def test_what_came_while_a_look_up_failed_is_handed_over(read: Read) -> None:
    reader = read.open()
    await_condition(lambda: len(read.cluster.seen) > 3, 10, "the first look-ups")
    read.cluster.fails = 1
    await_condition(lambda: read.values() == [b"late"], 10, "what the client had by then")
    await_condition(lambda: reader.problem is None, 10, "an answer")


def test_a_read_to_the_end_fails_for_a_partition_without_a_leader_and_names_it(read: Read) -> None:
    read.cluster.values = [b"1"]
    read.cluster.leaders = {0: 1, 1: -1}
    reader = read.open(until_end=True, deadline_s=0.5)
    await_condition(lambda: reader.finished, 10, "the deadline")
    assert reader.problem == "topic 't', partition 1: no leader"
    assert read.values() == [b"1"]


def test_a_read_to_the_end_fails_for_a_partition_that_brings_nothing(read: Read) -> None:
    read.cluster.values = [b"1"]
    read.cluster.leaders = {0: 1, 1: 1, 2: 1}
    read.cluster.silent = {1, 2}
    reader = read.open(until_end=True, deadline_s=0.5)
    await_condition(lambda: reader.finished, 10, "the deadline")
    assert reader.problem == "topic 't', partitions 1, 2: no progress at offset 0, 0"
    assert read.values() == [b"1"]


def test_a_read_to_the_end_ends_well_once_all_have_leaders(read: Read) -> None:
    read.cluster.leaders = {0: 1, 1: -1}
    reader = read.open(until_end=True)
    await_condition(lambda: reader.problem is not None, 10, "the trouble")
    read.cluster.leaders = {0: 1, 1: 2}
    await_condition(lambda: reader.finished, 10, "the end")
    assert reader.problem is None


def test_a_topic_is_read_on_though_a_broker_that_lags_was_met_after_another(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_places, "_LAG_LIMIT_S", 0.5)
    read.cluster.log, read.cluster.values = NEW, [b"1", b"2"]
    reader = read.open()
    await_condition(lambda: len(read.values()) == 2, 10, "the first ones")
    read.cluster.log = OLD  # another broker, which lags
    await_condition(lambda: len(read.values()) == 4, 10, "it to be met")
    assert "created again" in read.told[-1]
    read.cluster.log, read.cluster.values = NEW, [b"1", b"2", b"3", b"4"]
    await_condition(lambda: reader.problem is not None, 10, "both to be seen")
    await_condition(lambda: read.values()[-2:] == [b"3", b"4"], 10, "what is written then")
    assert reader.problem is None
    assert "is the one before again" in read.told[-1]
    # Twice, since it looked like another topic, and never a third time.
    assert sorted(map(bytes, filter(None, read.values()))) == [b"1", b"1", b"2", b"2", b"3", b"4"]
