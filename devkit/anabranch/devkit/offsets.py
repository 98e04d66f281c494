"""Follows end and committed offsets on every primary, one thread each, so that a dead one delays nobody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

__all__ = ["LogPositions", "OffsetWatch"]

_EVERY_S = 0.5
_ANSWER_WITHIN_S = 2.0
_SILENT = logging.getLogger("anabranch.devkit.offsets.librdkafka")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


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

    def __init__(self, clients: Mapping[str, Mapping[str, str]], topic: str, groups: Sequence[str]) -> None:
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

    def _follow(self, primary: str, config: Mapping[str, str]) -> None:
        client: AdminClient | None = None
        while not self._closing.is_set():
            try:
                client = client or AdminClient({**config, "socket.timeout.ms": 2_000}, logger=_SILENT)
                self._latest[primary] = _ask(client, self._topic, self._groups)
            except (KafkaException, KeyError):
                # After a broker's restart a client that has seen it die times out on group offsets for good.
                client = None
                known = self._latest[primary]
                self._latest[primary] = LogPositions(known.ends, known.committed, answers=False)
            self._closing.wait(_EVERY_S)


def _ask(client: AdminClient, topic: str, groups: Sequence[str]) -> LogPositions:
    partitions = list(client.list_topics(topic, timeout=_ANSWER_WITHIN_S).topics[topic].partitions)
    wanted = [TopicPartition(topic, part) for part in partitions]
    found = client.list_offsets(
        {each: OffsetSpec.latest() for each in wanted}, request_timeout=_ANSWER_WITHIN_S
    )
    ends = {each.partition: future.result().offset for each, future in found.items()}
    committed = {}
    for group in groups:
        asked = client.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, wanted)], request_timeout=_ANSWER_WITHIN_S
        )
        answer = asked[group].result().topic_partitions
        committed[group] = {each.partition: max(0, each.offset) for each in answer}
    return LogPositions(ends, committed, answers=True)
