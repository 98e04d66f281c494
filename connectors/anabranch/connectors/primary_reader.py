"""One thread that reads one stream from one primary, for the union reader."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import ClusterMetadata, TopicMetadata

from anabranch.connectors.client_log import QuietLog
from anabranch.connectors.troubles import concise
from anabranch.connectors.union_records import StreamRecord
from anabranch.errors import AnabranchError, UnavailableError
from anabranch.topology import Primary, librdkafka_config

__all__ = ["Batch", "PrimaryReader"]

_log = logging.getLogger(__name__)

_CONFIG: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    # A wiped primary starts over; its records are new ones.
    "auto.offset.reset": "earliest",
    # Default 1000 stalls a fast drain for a second each time the queue is full.
    "fetch.queue.backoff.ms": 10,
    "queued.max.messages.kbytes": 16_384,
    "reconnect.backoff.max.ms": 1_000,
    "log.connection.close": False,
}
_CALL_LIMIT_S = 5.0
# Whoever waits is to learn so early that a primary does not answer, and a log-in over TLS takes less.
_FIRST_WORD_S = 2.0
# Nobody can end a call, so as long as there is no connection they are short.
_CONNECT_CALL_S = 0.2
_RETRY_S = 1.0
# New partitions of a topic are found after at most this.
_DISCOVERY_S = 10.0
_MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
_SILENT = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT)
_SILENCE = "no answer"
_BATCH = 500
_POLL_S = 0.2


class Batch(NamedTuple):
    """Some records of one primary."""

    records: list[StreamRecord]


class PrimaryReader:
    """Reads until it is stopped or, with ``until_end``, has seen the end of each partition.

    After any trouble it begins with a new client, for which secrets are read anew.

    Args:
        name: The primary's.
        topic: Of the stream.
        primary: How it is reached.
        config: More of librdkafka's settings; they win.
        out: Where batches go; while it is full nothing is read.
        since_ms: Reads what has been written since then; None: from the beginning.
        until_end: Ends at the end of each partition.
        deadline_s: With ``until_end``, how long a primary that cannot be read is tried.

    Attributes:
        problem: Why the primary cannot be read at the moment; None if it can.
        reached: Its topic has been found.
        finished: It will not deliver anything more.
    """

    def __init__(
        self,
        name: str,
        topic: str,
        primary: Primary,
        config: Mapping[str, Any],
        out: queue.Queue[Batch],
        *,
        since_ms: int | None,
        until_end: bool,
        deadline_s: float,
    ) -> None:
        self.name = name
        self.problem: str | None = None
        self.reached = self.finished = False
        self._topic = topic
        self._primary = primary
        self._config = dict(config)
        self._out = out
        self._since_ms = since_ms
        self._until_end = until_end
        self._deadline_s = deadline_s
        self._problem_since = math.inf
        self._reported = ""
        self._positions: dict[int, int] = {}
        self._ended: set[int] = set()
        self._stop = threading.Event()
        self._moved = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"read-{name}", daemon=True)
        self._thread.start()

    def move_to(self, primary: Primary) -> None:
        """Goes on in another way to the primary, if it is another one, from where it was."""
        if primary != self._primary:
            self._primary = primary
            self._moved.set()

    @property
    def left_s(self) -> float:
        """How long a primary that cannot be read is still tried."""
        if not self._until_end:
            return math.inf
        return max(0.0, self._problem_since + self._deadline_s - time.monotonic())

    def stop(self) -> None:
        """Asks the thread to end."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Waits for the thread; says whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set() and not self.finished:
            try:
                self._read()
            except KafkaException as error:
                self._note(error.args[0].str())
            except AnabranchError as error:
                self._note(error.message)
            except Exception as error:
                _log.exception("reading primary %s failed", self.name)
                self._note(f"{type(error).__name__}: {error}")
            self.finished = self.finished or self.left_s <= 0
            if not self.finished:
                self._stop.wait(min(_RETRY_S, self.left_s))

    def _read(self) -> None:
        """One consumer's life."""
        self._moved.clear()
        self._reported = ""
        consumer = Consumer(
            {
                **_CONFIG,
                "group.id": f"anabranch-reader-{uuid.uuid4()}",
                **librdkafka_config(self._primary),
                **self._config,
                "error_cb": self._on_error,
                "logger": QuietLog(),
            }
        )
        try:
            self._consume(consumer)
        finally:
            consumer.close()

    def _consume(self, consumer: Consumer) -> None:
        assigned: set[int] = set()
        look_again = 0.0
        while not (self._stop.is_set() or self._moved.is_set() or self.finished):
            if time.monotonic() >= look_again:
                partitions = self._partitions(consumer)
                if partitions - assigned:
                    consumer.incremental_assign(self._starts(consumer, partitions - assigned))
                    assigned |= partitions
                look_again = time.monotonic() + _DISCOVERY_S
            messages = consumer.consume(_BATCH, _POLL_S)
            self._hand_over(messages)
            if self._until_end:
                self.finished = assigned <= self._ended or self.left_s <= 0

    def _partitions(self, consumer: Consumer) -> set[int]:
        metadata = self._look_up(consumer)
        if metadata.error is not None:
            if metadata.error.code() in _MISSING:
                raise UnavailableError(f"topic '{self._topic}' does not exist")
            raise KafkaException(metadata.error)
        self.reached = True
        self._reported = ""
        self._note(None)
        return set(metadata.partitions)

    def _look_up(self, consumer: Consumer) -> TopicMetadata:
        reason = ""
        for limit_s in (_FIRST_WORD_S, _CALL_LIMIT_S - _FIRST_WORD_S):
            waits_s = min(limit_s, self.left_s)
            try:
                metadata = self._ask(consumer, waits_s)
            except KafkaException as error:
                # Has the client report what it knows: "Failed to get metadata" says nothing.
                self._hand_over(consumer.consume(_BATCH, 0))
                silent = error.args[0].code() in _SILENT
                # Silence for a moment, such as what the deadline leaves the last try, says less than what is
                # known already; that it goes on is news.
                moment = limit_s == _FIRST_WORD_S or waits_s < limit_s
                vague = self.problem if moment and self.problem else _SILENCE
                reason = self._reported or (vague if silent else error.args[0].str())
                self._note(reason)
                if self._stop.is_set():
                    break
            else:
                return metadata.topics[self._topic]
        raise UnavailableError(reason)

    def _ask(self, consumer: Consumer, limit_s: float) -> ClusterMetadata:
        """For the topic, within the limit unless it is to stop: a reader's end waits for its thread."""
        until, call_s = time.monotonic() + limit_s, _CONNECT_CALL_S
        while True:
            try:
                return consumer.list_topics(
                    self._topic, timeout=min(call_s, max(0.0, until - time.monotonic()))
                )
            except KafkaException as error:
                code = error.args[0].code()
                if code not in _SILENT or self._stop.is_set() or time.monotonic() >= until:
                    raise
                if code == KafkaError._TIMED_OUT:  # it is connected, and slow
                    call_s = limit_s

    def _starts(self, consumer: Consumer, partitions: set[int]) -> list[TopicPartition]:
        """Where to begin: where it was left, else the beginning or the first record since the start."""
        known = [
            TopicPartition(self._topic, p, self._positions[p]) for p in partitions & set(self._positions)
        ]
        fresh = partitions - set(self._positions)
        if self._since_ms is None or self._positions:
            # A partition that came up later is new: all of it was written since.
            return known + [TopicPartition(self._topic, p, OFFSET_BEGINNING) for p in fresh]
        # All or none: with some of them known, a second attempt would take the rest for new partitions.
        self._positions.update({p: self._first_since(consumer, p) for p in sorted(fresh)})
        return known + [TopicPartition(self._topic, p, self._positions[p]) for p in fresh]

    def _first_since(self, consumer: Consumer, partition: int) -> int:
        place = TopicPartition(self._topic, partition, self._since_ms)
        # The end has moved since the start; what came meanwhile is known by its time. The end is asked first:
        # from there on everything is read, whatever its time.
        ends = consumer.get_watermark_offsets(place, timeout=_CALL_LIMIT_S)
        if ends is None:
            raise UnavailableError(f"it does not say within {_CALL_LIMIT_S:.0f} s where its records end")
        (found,) = consumer.offsets_for_times([place], timeout=_CALL_LIMIT_S)
        if found.error is not None:
            raise KafkaException(found.error)
        return min(found.offset, ends[1]) if found.offset >= 0 else int(ends[1])

    def _hand_over(self, messages: list[Message]) -> None:
        records = []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(self._record(message))
                self._positions[message.partition()] = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ended.add(message.partition())
                self._note(None)
            else:
                self._note(error.str())
        if records:
            self._note(None)
            batch = Batch(records)
            while not self._stop.is_set():
                try:
                    self._out.put(batch, timeout=_POLL_S)
                    break
                except queue.Full:
                    continue

    def _record(self, message: Message) -> StreamRecord:
        return StreamRecord(
            self.name,
            self._topic,
            message.partition(),
            message.offset(),
            message.timestamp()[1],
            message.key(),
            message.value(),
            message.headers() or (),
        )

    def _note(self, problem: str | None) -> None:
        if problem is None:
            self._problem_since = math.inf
        elif self.problem is None:
            self._problem_since = time.monotonic()
        self.problem = None if problem is None else concise(problem)

    def _on_error(self, error: KafkaError) -> None:
        # "1/1 brokers are down" says less than the error before it, and no more than silence.
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._reported = error.str()
        self._note(self._reported or self.problem or _SILENCE)
