"""Jobs in Python that read a stream, each in a process of its own, and what they have written down.

The fixture ``start_source`` starts them; ``source_job.py`` and ``window_job.py`` are what they do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from anabranch.devkit import process
from anabranch.devkit.topics import create_topics

if TYPE_CHECKING:
    from anabranch.devkit.brokers import Broker
    from anabranch.devkit.process import ProcessRef
    from tests.conftest import StreamHandle

COUNT = 100
_LOSS = re.compile(r"Records lost, .* ([A-Z_]+): .* lost offsets (\d+)\.\.(\d+|its end)")


class Written:
    """What was written to single primaries by plain producers, and acknowledged."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._count = 0
        self.values: list[str] = []

    def write(self, *brokers: Broker, mark: str = "") -> list[str]:
        """A hundred records more to each; those to the last of them."""
        more: list[str] = []
        for broker in brokers:
            producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})
            more = [f"{mark}{broker.name}-{self._count + place}" for place in range(COUNT)]
            for value in more:
                producer.produce(self._stream, value.encode())
            assert producer.flush(60) == 0
            self._count += COUNT
            self.values += more
        return more

    def forget(self, values: list[str]) -> None:
        """These are not there any more, or are not to be read."""
        self.values = [value for value in self.values if value not in set(values)]


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
        return any(told == kind for told, _, _ in self._losses())

    def lost_records(self, kind: str) -> int:
        """How many records were told as lost in that way, by ranges that have an end."""
        return sum(int(end) - int(first) + 1 for told, first, end in self._losses() if told == kind)

    def _losses(self) -> list[tuple[str, str, str]]:
        return [(kind, first, end) for kind, first, end in _LOSS.findall(self._flink_log())]

    def _flink_log(self) -> str:
        return "".join(log.read_text() for log in self.flink.glob("*.log"))

    def await_said(self, text: str) -> None:
        """Waits until its Flink's log says that."""

        def said() -> bool:
            assert process.alive(self.ref), self.log.read_text()
            return text in self._flink_log()

        process.await_condition(said, 200, f"{text!r} in {self.flink}")

    @property
    def lines(self) -> list[str]:
        """What it has written down."""
        return self.file.read_text().splitlines() if self.file.exists() else []

    def await_lines(self, count: int) -> None:
        """Waits until there are as many."""

        def as_many() -> bool:
            assert process.alive(self.ref), self.log.read_text()
            return len(self.lines) >= count

        process.await_condition(as_many, 200, f"{count} lines in {self.file}")

    def await_exactly(self, values: list[str]) -> None:
        """Waits until there are as many; then each must be there, and once."""
        self.await_lines(len(values))
        assert Counter(self.lines) == Counter(values)

    def await_failure(self) -> str:
        """Waits until it ends; what it said."""
        process.await_condition(lambda: not process.alive(self.ref), 200, f"the end of {self.log}")
        assert process.exit_code(self.ref) != 0
        return self.log.read_text()


StartSource = Callable[..., SourceJob]


def create_again(stream: StreamHandle, broker: Broker) -> None:
    """Deletes the stream's topic on one primary and creates it again."""
    config = {"bootstrap.servers": broker.bootstrap}
    admin = AdminClient(config)  # kept: the future ends with it
    admin.delete_topics([stream.name])[stream.name].result(60)
    process.await_condition(
        lambda: stream.name not in admin.list_topics(timeout=30).topics, 60, "the topic's end"
    )
    create_topics(config, {stream.name: stream.partitions})
