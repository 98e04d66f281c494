"""What a test sends through a Python Prism, and what became of it in the logs of real brokers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from anabranch.connectors import Delivery, PrismProducer, RecordId, record_headers
from anabranch.connectors.readers import UnionReader
from anabranch.errors import DeliveryError

if TYPE_CHECKING:
    from anabranch.devkit.brokers import Broker
    from tests.conftest import StreamHandle

__all__ = ["Ledger", "acked", "await_true", "raw_log", "send_until", "state"]


class Ledger:
    """What was sent, and what became of it.

    Attributes:
        sent: Value by id.
        deliveries: What the producer told, by id.
    """

    def __init__(self) -> None:
        self.sent: dict[RecordId, bytes] = {}
        self.deliveries: dict[RecordId, Delivery] = {}

    def send(self, producer: PrismProducer, count: int, pause_s: float = 0.0) -> None:
        """Sends that many small records."""
        for _ in range(count):
            self.send_value(producer, b"%d" % len(self.sent))
            if pause_s:
                time.sleep(pause_s)

    def send_value(self, producer: PrismProducer, value: bytes) -> RecordId:
        """Sends one record; returns its id."""
        record_id = RecordId.supplied("ledger", len(self.sent))
        self.sent[record_id] = value
        producer.send(value, id=record_id, on_done=self.note)
        return record_id

    def note(self, delivery: Delivery) -> None:
        """The callback of each record."""
        assert delivery.id not in self.deliveries, "called back twice"
        self.deliveries[delivery.id] = delivery

    def check(self, stream: StreamHandle) -> dict[RecordId, set[str]]:
        """Acknowledged is in the logs where it says so, and nothing was made up. Where each record is."""
        places: dict[RecordId, set[str]] = {}
        exact: set[tuple[RecordId, str, int, int]] = set()
        with UnionReader(stream.topology, stream.name, until_end=True, deadline_s=60) as reader:
            for record in reader:
                assert record.id is not None
                assert self.sent[record.id] == record.value
                places.setdefault(record.id, set()).add(record.primary)
                exact.add((record.id, record.primary, record.partition, record.offset))
            assert reader.problems() == {}
        for delivery in self.deliveries.values():
            for ack in delivery.acks:
                assert (delivery.id, *ack) in exact
        return places

    def account(
        self, brokers: Mapping[str, Broker], topic: str, *, copies: int = 1
    ) -> dict[RecordId, list[str]]:
        """Holds every record against both logs, read by plain consumers.

        Each was told once; what is acknowledged lies where it was said to, on as many primaries as there
        are to be copies; what lies there was sent, as it was, and what lies there more often than it was
        acknowledged was said to be in doubt.

        Returns:
            The primaries in whose logs each record is, as often as it is there.
        """
        assert self.deliveries.keys() == self.sent.keys(), "a record was not told of"
        places: dict[RecordId, list[str]] = {}
        exact: set[tuple[RecordId, str, int, int]] = set()
        for name, broker in brokers.items():
            for message in raw_log(broker, topic):
                record_id, value = _identity(message), message.value()
                assert self.sent.get(record_id) == value, (
                    f"{name} holds what was not sent: {record_id} {value!r}"
                )
                places.setdefault(record_id, []).append(name)
                exact.add((record_id, name, message.partition() or 0, message.offset() or 0))
        for delivery in self.deliveries.values():
            assert {(delivery.id, *ack) for ack in delivery.acks} <= exact, "acknowledged and not there"
            if delivery.error is None:
                assert len({ack.primary for ack in delivery.acks}) >= copies
            if len(places.get(delivery.id, ())) > len(delivery.acks):
                assert delivery.ambiguous, f"{delivery} is in {places[delivery.id]}"
        return places

    @property
    def errors(self) -> list[DeliveryError]:
        """Of the records that failed."""
        return [d.error for d in self.deliveries.values() if d.error is not None]


def _identity(message: Message) -> RecordId:
    [encoded] = [value for name, value in message.headers() or () if name == record_headers.ID]
    assert isinstance(encoded, bytes)
    return RecordId(encoded)


def raw_log(broker: Broker, topic: str) -> list[Message]:
    """All of a topic on one broker, up to the ends that its logs have now, by a plain consumer."""
    settings = {**broker.client_config(), "group.id": "raw", "enable.auto.commit": False}
    consumer = Consumer({**settings, "enable.partition.eof": False})
    found: list[Message] = []
    try:
        partitions = [
            TopicPartition(topic, number)
            for number in consumer.list_topics(topic, 30).topics[topic].partitions
        ]
        ends = {part.partition: consumer.get_watermark_offsets(part, timeout=30)[1] for part in partitions}
        consumer.assign(
            [TopicPartition(topic, number, OFFSET_BEGINNING) for number, end in ends.items() if end > 0]
        )
        deadline = time.monotonic() + 60
        while left := {number for number, end in ends.items() if end > 0}:
            assert time.monotonic() < deadline, f"partitions {left} of {topic} on {broker.name} do not end"
            for message in consumer.consume(5_000, 0.5):
                assert message.error() is None, message.error()
                found.append(message)
                number, offset = message.partition(), message.offset()
                assert number is not None
                assert offset is not None
                if offset + 1 >= ends[number]:
                    ends[number] = 0
    finally:
        consumer.close()
    return found


def await_true(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Waits until something is seen."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)


def send_until(
    ledger: Ledger, producer: PrismProducer, condition: Callable[[], bool], limit_s: float = 60.0
) -> None:
    """Keeps a few hundred records a second going until something is seen."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not come true: {producer.stats()}"
        ledger.send(producer, 10, pause_s=0.002)


def state(producer: PrismProducer, name: str) -> str:
    """Of a primary's breaker."""
    return producer.stats().primaries[name].state


def acked(producer: PrismProducer, name: str) -> int:
    """How many attempts a primary acknowledged."""
    return producer.stats().primaries[name].acked
