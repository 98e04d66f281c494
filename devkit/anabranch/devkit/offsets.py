"""Follows end and committed offsets on every primary, one thread each, so that a dead one delays nobody."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from anabranch.errors import AnabranchError
from anabranch.topology import await_token

__all__ = ["LogPositions", "OffsetWatch"]

_EVERY_S = 0.5
_ANSWER_WITHIN_S = 2.0


@dataclass(frozen=True)
class LogPositions:
    """What one primary last said of one topic.

    Attributes:
        ends: End offset by partition.
        committed: By consumer group, committed offset by partition; partitions without a commit are 0.
        answers: Whether the primary answered the last time it was asked.
    """

    ends: Mapping[int, int] = field(default_factory=dict)
    committed: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    answers: bool = False

    def lag(self, group: str) -> int:
        """Records that the group has yet to commit."""
        done = self.committed.get(group, {})
        return sum(max(0, end - done.get(part, 0)) for part, end in self.ends.items())

    def behind(self, group: str) -> list[str]:
        """Partitions whose end the group has not committed, in words."""
        done = self.committed.get(group, {})
        return [
            f"partition {part}: {done.get(part, 0):,} of {end:,}"
            for part, end in sorted(self.ends.items())
            if done.get(part, 0) < end
        ]


class OffsetWatch:
    """Asks all primaries about one topic again and again, until it is closed.

    Args:
        clients: librdkafka configuration by primary.
        topic: The topic, the same on each.
        groups: Consumer groups whose commits are followed.
    """

    def __init__(self, clients: Mapping[str, Mapping[str, Any]], topic: str, groups: Sequence[str]) -> None:
        self._topic = topic
        self._groups = tuple(groups)
        self._latest = {primary: LogPositions() for primary in clients}
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._follow, args=(primary, config), name=f"offsets-{primary}", daemon=True
            )
            for primary, config in clients.items()
        ]
        for thread in self._threads:
            thread.start()

    def positions(self) -> dict[str, LogPositions]:
        """What each primary last said."""
        return dict(self._latest)

    def close(self) -> None:
        """Ends the threads."""
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def _follow(self, primary: str, config: Mapping[str, Any]) -> None:
        consumers: list[Consumer] = []
        while not self._closing.is_set():
            try:
                # Consumers and not an AdminClient: that one times out on group offsets for good once it has
                # seen its broker die and return.
                consumers = consumers or [_consumer(config, group) for group in self._groups]
                self._latest[primary] = _ask(consumers, self._topic, self._groups)
            except (AnabranchError, KafkaException, KeyError):
                _close(consumers)
                known = self._latest[primary]
                self._latest[primary] = LogPositions(known.ends, known.committed, answers=False)
            self._closing.wait(_EVERY_S)
        _close(consumers)


def _consumer(config: Mapping[str, Any], group: str) -> Consumer:
    await_token(config)
    return Consumer({**config, "group.id": group, "enable.auto.commit": False, "log_level": 0})


def _close(consumers: list[Consumer]) -> None:
    for consumer in consumers:
        consumer.close()
    consumers.clear()


def _ask(consumers: Sequence[Consumer], topic: str, groups: Sequence[str]) -> LogPositions:
    first = consumers[0]
    partitions = list(first.list_topics(topic, timeout=_ANSWER_WITHIN_S).topics[topic].partitions)
    wanted = [TopicPartition(topic, part) for part in partitions]
    ends = {each.partition: _end(first, each) for each in wanted}
    committed = {}
    for group, consumer in zip(groups, consumers, strict=True):
        answer = consumer.committed(wanted, timeout=_ANSWER_WITHIN_S)
        committed[group] = {each.partition: max(0, each.offset) for each in answer}
    return LogPositions(ends, committed, answers=True)


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    bounds = consumer.get_watermark_offsets(partition, timeout=_ANSWER_WITHIN_S)
    if bounds is None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
    return int(bounds[1])
