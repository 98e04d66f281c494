"""The independent consumer: what the topics really hold, read with a plain Kafka client.

It shares nothing with the pipeline but the brokers: no Flink, no union source, no dedup. Every log is read
from its first to its end offset, and each record is held against the ledger by its id and its content hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from anabranch.connectors.ids import RecordId
from anabranch.devkit.dataset import scope_of
from anabranch.devkit.ledger import Ledger, content_hash
from anabranch.errors import UnavailableError

__all__ = ["Holdings", "RunIndex", "audit_topic", "end_offsets", "header", "read_topic"]

_BATCH = 5_000
# A local broker answers in milliseconds; this bounds a read of a broker that died meanwhile.
_SILENCE_LIMIT_S = 30.0


class RunIndex:
    """Finds the input line of a record id without knowing the order in which it was sent."""

    def __init__(self, lines: Mapping[str, list[int]]) -> None:
        """``lines``: per run, the input line of each position."""
        self.lines = lines
        self._run_of = {RecordId.supplied(scope_of(run), 0).incarnation: run for run in lines}

    def line_of(self, record_id: bytes) -> int | None:
        """The input line, or None where no input has that id."""
        run = self._run_of.get(record_id[:10])
        if run is None:
            return None
        lines = self.lines[run]
        sequence = int.from_bytes(record_id[10:], "big")
        return lines[sequence] if sequence < len(lines) else None

    def replayed_ids(self, replayed: frozenset[int]) -> frozenset[bytes]:
        """The ids under which these lines are replayed the first time."""
        return frozenset(
            bytes(RecordId.replayed(RecordId.supplied(scope_of(run), sequence), 1))
            for run, lines in self.lines.items()
            for sequence, line in enumerate(lines)
            if line in replayed
        )


@dataclass
class Holdings:
    """What the logs of all primaries hold of one stream.

    Attributes:
        copies: Raw copies by input line.
        destinations: By primary, how many records lie there, and how many of them lie elsewhere, too.
        corrupt: Places whose id is known and whose content is not what was sent.
        fabricated: Places whose id no ledger entry has.
    """

    copies: Counter[int] = field(default_factory=Counter)
    destinations: dict[str, Counter[str]] = field(default_factory=dict)
    corrupt: list[str] = field(default_factory=list)
    fabricated: list[str] = field(default_factory=list)

    @property
    def raw_duplicates(self) -> int:
        """Raw records beyond the first of their line."""
        return self.copies.total() - len(self.copies)


def audit_topic(
    clients: Mapping[str, Mapping[str, str]],
    topic: str,
    index: RunIndex,
    ledger: Ledger,
    replayed: frozenset[int] = frozenset(),
) -> Holdings:
    """Reads a topic on all primaries and holds each record against the ledger.

    Args:
        clients: librdkafka configuration by primary.
        topic: Name of the topic, the same on each.
        index: Finds a record's input line.
        ledger: What was sent.
        replayed: Lines that were replayed from the dead letters; their new ids are known, not fabricated.
    """
    holdings = Holdings()
    known_replays = index.replayed_ids(replayed)
    for primary, config in clients.items():
        went = holdings.destinations.setdefault(primary, Counter())
        for message in read_topic(config, topic):
            identity = header(message, "anabranch-id") or b""
            line = index.line_of(identity)
            if line is not None and content_hash(message.value() or b"") == ledger.sent.get(line):
                went["further copies" if line in holdings.copies else "first copies"] += 1
                holdings.copies[line] += 1
            elif identity in known_replays:
                went["replayed dead letters"] += 1
            else:
                wrong = holdings.corrupt if line in ledger.sent else holdings.fabricated
                wrong.append(f"{primary}/{topic}-{message.partition()}@{message.offset()}")
    return holdings


def end_offsets(config: Mapping[str, str], topic: str) -> dict[int, int]:
    """The end offset of each partition of a topic on one primary."""
    with closing(_consumer(config)) as consumer:
        return {part: high for part, (_, high) in _bounds(consumer, topic).items()}


def read_topic(config: Mapping[str, str], topic: str) -> Iterator[Message]:
    """Every record of a topic on one primary, from the first to the end offsets of this moment.

    Raises:
        UnavailableError: The primary does not answer.
    """
    with closing(_consumer(config)) as consumer:
        bounds = _bounds(consumer, topic)
        left = {part: high for part, (low, high) in bounds.items() if high > low}
        consumer.assign([TopicPartition(topic, part, bounds[part][0]) for part in left])
        heard = monotonic()
        while left:
            for message in consumer.consume(_BATCH, 1.0):
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    left.pop(message.partition(), None)
                    continue
                if error is not None:
                    raise UnavailableError(
                        f"reading {topic} failed: {error}", where=config["bootstrap.servers"]
                    )
                heard = monotonic()
                if message.offset() < left.get(message.partition(), 0):
                    yield message
                if message.offset() + 1 >= left.get(message.partition(), 0):
                    left.pop(message.partition(), None)
            if monotonic() - heard > _SILENCE_LIMIT_S:
                raise UnavailableError(
                    f"no record of {topic} for {_SILENCE_LIMIT_S:.0f} s, partitions left: {sorted(left)}",
                    where=config["bootstrap.servers"],
                )


def _consumer(config: Mapping[str, str]) -> Consumer:
    return Consumer(
        {
            **config,
            "group.id": "anabranch-audit",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            # The default of one second between fetches of a full queue stalls a drain.
            "fetch.queue.backoff.ms": 10,
            "queued.min.messages": 200_000,
        }
    )


def _bounds(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return {
            part: consumer.get_watermark_offsets(TopicPartition(topic, part), timeout=10)
            for part in partitions
        }
    except KafkaException as error:
        raise UnavailableError(f"cannot read the offsets of {topic}: {error}") from error


def header(message: Message, name: str) -> bytes | None:
    """The value of the last header of that name, or None."""
    for key, value in reversed(message.headers() or []):
        if key == name:
            return value if isinstance(value, bytes) else None
    return None
