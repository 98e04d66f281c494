"""One thread that reads one stream from one primary, for the union reader."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import ClusterMetadata, TopicMetadata

from anabranch.connectors.client_log import QuietLog
from anabranch.connectors.log_identity import LogIdentity
from anabranch.connectors.log_places import LogId, Place, Places, change
from anabranch.connectors.reader_trouble import ReaderTrouble, named
from anabranch.connectors.troubles import said, token_trouble
from anabranch.connectors.union_records import StreamRecord
from anabranch.errors import AnabranchError, UnavailableError
from anabranch.topology import Primary, await_token, librdkafka_config

__all__ = ["Batch", "PrimaryReader"]

_log = logging.getLogger(__name__)

_CONFIG: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    # Where retention deleted what comes next. That it is another log is told by ids.
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
# While a partition has no leader: an election takes some seconds, and a read to the end is waiting.
_LEADER_S = 1.0
# A fetch is answered within half a second, also if there is nothing.
_SILENT_S = 5.0
_MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
_SILENT = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT)
_SILENCE = "no answer"
_BATCH = 500
# The log's identity is asked for once for so many: it takes as long as reading some hundred records.
_CHECKED_TOGETHER = 10 * _BATCH
_POLL_S = 0.2


class Batch(NamedTuple):
    """Some records of one primary."""

    records: list[StreamRecord]


class PrimaryReader:
    """Reads until it is stopped or, with ``until_end``, has seen the end of each partition.

    After any trouble it begins with a new client, for which secrets are read anew. Before anything is handed
    over the primary is asked, after it was read, whether its topic is still the one that was being read:
    librdkafka goes over to another one of the same name without a word, at the offset where it is.

    Args:
        name: The primary's.
        topic: Of the stream.
        primary: How it is reached.
        config: More of librdkafka's settings; they win.
        out: Where batches go; while it is full nothing is read.
        places: Of the stream's logs; those of one union reader share them.
        tell: Takes news: what happened to the primary that a person has to know.
        since_ms: Reads what has been written since then; None: from the beginning.
        until_end: Ends at the end of each partition.
        deadline_s: With ``until_end``, how long a primary or partition that cannot be read is tried.

    Attributes:
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
        places: Places | None = None,
        tell: Callable[[str], None] = lambda _: None,
        since_ms: int | None,
        until_end: bool,
        deadline_s: float,
    ) -> None:
        self.name = name
        self.reached = self.finished = False
        self._target = topic, primary
        self._topic = topic
        self._config = dict(config)
        self._out = out
        self._places = places or Places()
        self._tell = tell
        self._since_ms = since_ms
        self._until_end = until_end
        self._deadline_s = deadline_s
        self._trouble = ReaderTrouble()
        self._reported = ""
        self._client: Mapping[str, Any] = {}
        self._log = self._places.last(name)
        self._place: Place | None = None
        self._held: list[Message] = []
        self._leaderless: set[int] = set()
        self._look_again = 0.0
        self._stop = threading.Event()
        self._moved = threading.Event()
        self._places.join(self)
        self._thread = threading.Thread(target=self._run, name=f"read-{name}", daemon=True)
        self._thread.start()

    def move_to(self, topic: str, primary: Primary) -> None:
        """Goes on in another way to the primary or with another topic, from where it was in that log."""
        if (topic, primary) != self._target:
            self._places.leave(self)
            self._target = topic, primary
            self._moved.set()

    @property
    def problem(self) -> str | None:
        """Why the primary or a partition of it cannot be read at the moment; None if all can."""
        return self._trouble.text

    @property
    def left_s(self) -> float:
        """How long what cannot be read is still tried."""
        if not self._until_end:
            return math.inf
        return max(0.0, self._trouble.since + self._deadline_s - time.monotonic())

    def stop(self) -> None:
        """Asks the thread to end."""
        self._places.leave(self)
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Waits for the thread; says whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _halted(self) -> bool:
        return self._stop.is_set() or self._moved.is_set()

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self.finished:
                self._try()
                self.finished = self.finished or self.left_s <= 0
                if not (self.finished or self._halted()):
                    self._stop.wait(min(_RETRY_S, self.left_s))
        finally:
            self._leave(for_good=True)

    def _try(self) -> None:
        try:
            self._read()
            return
        except KafkaException as error:
            problem = error.args[0].str()
        except AnabranchError as error:
            problem = error.message
        except Exception as error:
            _log.exception("reading primary %s failed", self.name)
            problem = f"{type(error).__name__}: {error}"
        # Who is to go on in another way may have broken off a call for it.
        if not self._halted():
            self._trouble.unknown(problem)

    def _read(self) -> None:
        """One client's life."""
        if self._moved.is_set():
            self._moved.clear()
            self._leave()
        self._topic, primary = self._target
        self._reported, self._held = "", []
        client = self._client = librdkafka_config(primary)
        await_token(client)
        config = {
            **_CONFIG,
            "group.id": f"anabranch-reader-{uuid.uuid4()}",
            **client,
            **self._config,
        }
        consumer = Consumer({**config, "error_cb": self._on_error, "logger": QuietLog()})
        try:
            self._consume(consumer, LogIdentity(config))
        finally:
            # Closing takes its time, and others may wait for this log.
            if self._halted():
                self._leave()
            consumer.close()

    def _leave(self, *, for_good: bool = False) -> None:
        """Ends reading a log, so that another one, or this one under another name, goes on there."""
        self._hand_in()
        self._places.left(self, for_good=for_good)

    def _hand_in(self) -> None:
        if self._log is not None and self._place is not None:
            self._places.hand_in(self.name, self._log, self._place)
            self._place = None

    def _consume(self, consumer: Consumer, identity: LogIdentity) -> None:
        assigned: set[int] = set()
        place = self._discover(consumer, identity, assigned)
        while place is not None and not (self._halted() or self.finished):
            messages = self._poll(consumer)
            if messages and not self._is_still(identity):
                break
            self._hand_over(messages, place)
            self._judge(place, assigned)
            if time.monotonic() >= self._look_again:
                place = self._discover(consumer, identity, assigned)

    def _discover(self, consumer: Consumer, identity: LogIdentity, assigned: set[int]) -> Place | None:
        """Takes up what has a leader and is not read yet; None where a new client has to do that."""
        partitions = self._partitions(consumer)
        if assigned and not self._is_still(identity):
            return None
        place = self._place if assigned else self._enter(self._identify(identity))
        led = partitions - self._leaderless - assigned
        if place is not None and led and not self._halted():
            consumer.incremental_assign(self._starts(consumer, place, partitions, led))
            assigned |= led
            self._trouble.progress()
        self._look_again = time.monotonic() + (_LEADER_S if self._leaderless else _DISCOVERY_S)
        return place

    def _poll(self, consumer: Consumer) -> list[Message]:
        held, self._held = self._held, []
        messages: list[Message] = consumer.consume(_BATCH, 0 if held else _POLL_S)
        got = len(messages)
        while got == _BATCH and len(messages) < _CHECKED_TOGETHER:
            more = consumer.consume(_BATCH, 0)
            got = len(more)
            messages += more
        return held + messages

    def _partitions(self, consumer: Consumer) -> set[int]:
        metadata = self._look_up(consumer)
        if metadata.error is not None:
            if metadata.error.code() in _MISSING:
                raise UnavailableError(self._no_topic())
            raise KafkaException(metadata.error)
        self.reached = True
        self._reported = ""
        self._trouble.note(None)
        self._leaderless = {number for number, each in metadata.partitions.items() if each.leader < 0}
        return set(metadata.partitions)

    def _no_topic(self) -> str:
        return f"topic '{self._topic}' does not exist"

    def _identify(self, identity: LogIdentity) -> LogId:
        waits_s = min(_CALL_LIMIT_S, self.left_s)
        try:
            return identity.ask(self._topic, waits_s, self._halted)
        except KafkaException as error:
            code = error.args[0].code()
            if code in _MISSING:
                raise UnavailableError(self._no_topic()) from None
            if code in _SILENT:
                known = self._trouble.text if waits_s < _CALL_LIMIT_S else None
                raise UnavailableError(self._reported or known or _SILENCE) from None
            raise

    def _is_still(self, identity: LogIdentity) -> bool:
        """Whether what was read until now is of the log that is being read."""
        return self._log is not None and self._log.same(self._identify(identity))

    def _enter(self, log: LogId) -> Place:
        """The place in a log, which becomes the one that is read."""
        former = self._places.see(log) or self._log
        goes_on = former is not None and former.same(log)
        if goes_on and self._place is not None:
            self._log = log if log.topic_id else former
            return self._place
        moved = self._place is None
        self._hand_in()
        place = self._places.take(self, self.name, log)
        if former is not None and not goes_on:
            news = change(former, log, known=place is not None, moved=moved)
            if news:
                self._tell(news)
        if place is None:
            # What a topic has that was created under this reader was written since its start.
            again = former is not None and former[:2] == log[:2]
            place = Place(first=set() if again else None)
        self._log, self._place = log, place
        return place

    def _look_up(self, consumer: Consumer) -> TopicMetadata:
        reason = ""
        for limit_s in (_FIRST_WORD_S, _CALL_LIMIT_S - _FIRST_WORD_S):
            waits_s = min(limit_s, self.left_s)
            try:
                metadata = self._ask(consumer, waits_s)
            except KafkaException as error:
                # Has the client report what it knows: "Failed to get metadata" says nothing.
                self._held += consumer.consume(_BATCH, 0)
                for message in self._held:
                    self._hear(message)
                silent = error.args[0].code() in _SILENT
                # Silence for a moment, such as what the deadline leaves the last try, says less than what is
                # known already; that it goes on is news.
                moment = limit_s == _FIRST_WORD_S or waits_s < limit_s
                vague = (self._trouble.text if moment else None) or _SILENCE
                reason = self._reported or (vague if silent else error.args[0].str())
                if self._halted():
                    break
                self._trouble.unknown(reason)
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
                if code not in _SILENT or self._halted() or time.monotonic() >= until:
                    raise
                if code == KafkaError._TIMED_OUT:  # it is connected, and slow
                    call_s = limit_s

    def _starts(
        self, consumer: Consumer, place: Place, partitions: set[int], led: set[int]
    ) -> list[TopicPartition]:
        """Where to begin: where it was left, else the beginning or the first record since the start."""
        if place.first is None:
            # A partition that comes up later is new: all of it was written since.
            place.first = set(partitions) if self._since_ms is not None else set()
        for number in sorted(led & place.first - set(place.positions)):
            place.positions[number] = self._first_since(consumer, number)
        return [
            TopicPartition(self._topic, number, place.positions.get(number, OFFSET_BEGINNING))
            for number in led
        ]

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

    def _hand_over(self, messages: list[Message], place: Place) -> None:
        records: list[StreamRecord] = []
        for message in messages:
            if message.error() is None:
                records.append(self._record(message))
            if records and (message.error() is not None or len(records) == _BATCH):
                if not self._put(records, place):
                    return
                records = []
            if message.error() is not None:
                self._hear(message, place)
        if records:
            self._put(records, place)

    def _put(self, records: list[StreamRecord], place: Place) -> bool:
        """Queues records and moves the place behind them; not if this one is to leave meanwhile."""
        self._trouble.note(None)
        while not self._halted():
            try:
                self._out.put(Batch(records), timeout=_POLL_S)
            except queue.Full:
                continue
            place.positions.update({record.partition: record.offset + 1 for record in records})
            self._trouble.progress()
            return True
        return False

    def _hear(self, message: Message, place: Place | None = None) -> None:
        """Takes what the client has to say that is no record; ends count for the place that is given."""
        error = message.error()
        if error is None:
            return
        if error.code() != KafkaError._PARTITION_EOF:
            self._trouble.note(error.str())
        elif place is not None:
            place.ended.add(message.partition())
            self._trouble.note(None)
            self._trouble.progress()

    def _judge(self, place: Place, assigned: set[int]) -> None:
        """Whether the end is reached, and which partitions cannot be read."""
        unled, silent = set(self._leaderless), set[int]()
        if self._until_end:
            unled -= place.ended
            silent = assigned - place.ended - unled if self._trouble.silent_s > _SILENT_S else set()
        texts = []
        if unled:
            texts.append(f"{named(self._topic, unled)}: no leader")
        if silent:
            at = ", ".join(str(place.positions.get(number, 0)) for number in sorted(silent))
            texts.append(f"{named(self._topic, silent)}: no progress at offset {at}")
        self._trouble.note_partitions("; ".join(texts) or None)
        if self._until_end and not unled and assigned <= place.ended:
            self._trouble.note(None)
            self._trouble.note_partitions(None)
            self.finished = True
        elif self.left_s <= 0:
            self.finished = True

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

    def _on_error(self, error: KafkaError) -> None:
        trouble = token_trouble(self._client, error.str())
        if trouble is not None:
            # The token that it has may be good for long; if not, its connection tells.
            self._reported = trouble
            return
        # "1/1 brokers are down" says less than the error before it, and no more than silence.
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._reported = said(self._client, error)
        self._trouble.note(self._reported or self._trouble.whole or _SILENCE)
