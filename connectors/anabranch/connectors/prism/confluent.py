"""The transport on confluent-kafka (librdkafka)."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from anabranch.connectors.client_log import QuietLog
from anabranch.connectors.prism.options import LINGER_MS
from anabranch.connectors.prism.transport import AnswerCallback, Failure, FailureKind, Headers, Trouble
from anabranch.connectors.troubles import NO_CLIENT, concise, said, token_trouble
from anabranch.errors import AnabranchError, ConfigurationError
from anabranch.topology import await_token

__all__ = ["PRODUCER_CONFIG", "ConfluentTransport", "ConfluentTransportFactory"]

_log = logging.getLogger(__name__)


PRODUCER_CONFIG: Mapping[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": LINGER_MS,
    "batch.size": 262_144,
    "compression.type": "lz4",
    # One partition per batch rather than per record; default 10 ms would cut batches in five.
    "sticky.partitioning.linger.ms": 50,
    # The Java clients' choice: one key lies in one partition whoever wrote it.
    "partitioner": "murmur2_random",
    # Prism's own bounds come first; these must not.
    "queue.buffering.max.messages": 1_000_000,
    "queue.buffering.max.kbytes": 1_048_576,
    # A request to a stopped broker is given up after this; it may still be applied later.
    "request.timeout.ms": 10_000,
    # A topic that is missing is reported after this instead of 30 s.
    "topic.metadata.propagation.max.ms": 1_000,
    # A primary that is back is seen within a second.
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1_000,
    "log.connection.close": False,
}

_RECORD = frozenset(
    {
        KafkaError.INVALID_MSG,
        KafkaError.INVALID_RECORD,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError._INVALID_ARG,
    }
)
# A broker says so of a batch, of which it takes all or nothing; the client, of a record.
_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
# The broker, or the client before it, refuses before anything is appended.
_NOT_WRITTEN = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
    }
)
# They say that the client gave a record up, not what was wrong.
_VAGUE = frozenset({KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT})
# We took it out of the client ourselves, which says nothing of the primary.
_PURGED = frozenset({KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})
# Events that say the whole primary is out of reach, rather than one of its brokers.
_UNREACHABLE = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION})


# A record must not spend all its max_block in one client. As the Java producers' delivery.timeout.ms.
_MESSAGE_TIMEOUT_S = 15.0


# A cluster that answers at all does so within less; the thread is free again after it.
_ASK_S = 1.0
_ASK_AGAIN_S = 0.1
# Of one that answers and lacks the topic, or may not show it: that seldom mends within less.
_ASK_FOR_TOPIC_S = 0.5
# A token service that refuses or is silent seldom mends within less.
_MAKE_AGAIN_S = 1.0

# librdkafka's own, where no other is set.
_LARGEST_BATCH = 1_000_000
# Below this a topic takes, records go one by one.
_SMALLEST_BATCH = 1_024


class ConfluentTransport:
    """One ``confluent_kafka.Producer``; see :class:`~anabranch.connectors.prism.transport.Transport`.

    One that needs a token waits for it when it is made, so it is made by the thread that also asks the
    primary; until then nothing can be sent.
    """

    def __init__(self, topic: str, config: Mapping[str, Any]) -> None:
        self._trouble: Trouble | None = None
        self._last_error = ""
        self._topic = topic
        self.cluster: str | None = None
        self._doubt = threading.Event()
        self._doubt.set()
        self._returned = False
        self._config = {**config, "error_cb": self._on_error, "logger": QuietLog()}
        self._producer: Producer | None = None
        self._produce: Any = _unmade
        limits = (int(config.get(name, _LARGEST_BATCH)) for name in ("batch.size", "message.max.bytes"))
        # Of the producer, and of the one whose answers are being looked at.
        self._batch_bytes = self._answering_bytes = min(limits)
        self._former: list[tuple[int, Producer]] = []
        self.closed = False
        self._begin()
        # list_topics() waits, and there is no other way to learn which cluster it is and that it is back.
        name = f"cluster-of-{config.get('client.id', 'prism')}"
        threading.Thread(target=_ask, args=(weakref.ref(self), self._doubt), name=name, daemon=True).start()

    def send(
        self,
        value: bytes | None,
        key: bytes | None,
        timestamp_ms: int,
        headers: Headers,
        on_answer: AnswerCallback,
    ) -> None:
        """Queues a record."""
        # By position, since names cost 0.5 µs: topic, value, key, partition, callback, on_delivery, …
        self._produce(self._topic, value, key, -1, on_answer, None, timestamp_ms, headers)

    def poll(self) -> Trouble | None:
        """Serves callbacks, without waiting."""
        if self._former:
            for limit, former in self._former:
                self._answering_bytes = limit
                former.poll(0)
            self._former = [each for each in self._former if len(each[1])]
        self._answering_bytes = self._batch_bytes
        if self._producer is not None:
            self._producer.poll(0)
        trouble, self._trouble = self._trouble, None
        return trouble

    def returned(self) -> bool:
        """Whether :meth:`ask` was answered after the primary was out of reach."""
        if not self._returned:
            return False
        self._returned = False
        return True

    def purge(self) -> None:
        """Gives up what is queued; what is on its way is left to its answer."""
        for producer in self._producers:
            producer.purge(in_queue=True, in_flight=False, blocking=False)

    def failure(self, error: object, message: object = None) -> Failure:
        """Sorts librdkafka's errors."""
        if isinstance(error, BufferError):
            return Failure(FailureKind.FULL, "the local queue is full")
        if isinstance(error, _UnmadeError):
            return Failure(FailureKind.FULL, "it waits for a token")
        if isinstance(error, KafkaException):
            error = error.args[0]
        if not isinstance(error, KafkaError):
            # A value that is no bytes and the like: produce() raises TypeError and friends.
            return Failure(FailureKind.RECORD, f"{type(error).__name__}: {error}")
        reason = concise(error.str())
        if error.code() in _TOO_LARGE and isinstance(message, Message) and self._was_in_batch(message):
            return Failure(FailureKind.BATCH, reason)
        if error.code() in _PURGED:
            reason = ""
        return Failure(_kind(error), reason, error.code() in _VAGUE)

    def place(self, message: object) -> tuple[int, int]:
        """Partition and offset of an acknowledged record."""
        return message.partition(), message.offset()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Purges all and serves what that brings; dropping the last reference then ends its threads."""
        self.closed = True
        self._doubt.set()
        for producer in self._producers:
            producer.purge(in_queue=True, in_flight=True, blocking=True)
            producer.poll(0)

    def __del__(self) -> None:
        self._doubt.set()

    def ask(self) -> float | None:
        """Asks which Kafka cluster it is, and whether it can be written to. Takes up to a second.

        Returns:
            After how many seconds to ask again; None: there is no need to.
        """
        producer = self._producer
        if producer is None:
            return self._try_to_make()
        try:
            told = producer.list_topics(self._topic, timeout=_ASK_S)
        except KafkaException:
            return _ASK_AGAIN_S
        self.cluster = told.cluster_id or ""
        topic = told.topics.get(self._topic)
        # Before it leads a partition, it answers and a record would wait.
        if topic is None or all(partition.leader < 0 for partition in topic.partitions.values()):
            return _ASK_FOR_TOPIC_S
        # What was asked before it went away tells nothing.
        self._returned = not self._doubt.is_set()
        if self._returned:
            self._last_error = ""  # it is over
        return None

    @property
    def _producers(self) -> list[Producer]:
        newest = [] if self._producer is None else [self._producer]
        return [*(former for _, former in self._former), *newest]

    def _begin(self) -> None:
        """Makes the producer, or has it made."""
        if "oauth_cb" not in self._config:
            self._make()
            return
        self._producer, self._produce = None, _unmade
        self._doubt.set()

    def _make(self) -> None:
        self._producer = Producer(self._config)
        self._produce = self._producer.produce

    def _try_to_make(self) -> float:
        try:
            await_token(self._config)
            if not self.closed:  # it may have been meanwhile
                self._make()
        except AnabranchError as error:
            self._report_unmade(error.message)
        except KafkaException as error:
            self._report_unmade(concise(error.args[0].str()))
        else:
            return 0.0
        return _MAKE_AGAIN_S

    def _report_unmade(self, reason: str) -> None:
        # Whatever it was out of reach for, it is to be asked once it is made.
        self._trouble = Trouble(f"{NO_CLIENT}: {reason}", unreachable=True)

    def _was_in_batch(self, message: Message) -> bool:
        """Whether a record that is too large may have been sent with others; if so, less is sent at once.

        A batch holds no more than its limit, but for a single record above it; so the topic takes less than
        the limit. A quarter is large enough for a topic that takes half, and found in few refusals, each of
        which costs an idempotent producer half a second.
        """
        limit = self._answering_bytes
        if limit <= len(message) + len(message.key() or b"") or limit <= 1:
            return False
        if limit == self._batch_bytes:
            self._batch_bytes = limit // 4 if limit >= 4 * _SMALLEST_BATCH else 1
            _log.info("%s sends no more than %d B at once", self._config.get("client.id"), self._batch_bytes)
            # It still has answers to give; no setting of a producer can be changed.
            if self._producer is not None:
                self._former.append((limit, self._producer))
            self._config["batch.size"] = self._batch_bytes
            self._begin()
        return True

    def _on_error(self, error: KafkaError) -> None:
        trouble = token_trouble(self._config, error.str())
        if trouble is not None:
            # The token that it has may be good for long; if not, its connections tell.
            self._last_error = trouble
            return
        # "1/1 brokers are down" comes before the error of the broker, after it, or alone; of the two it is
        # the other that tells a person what is wrong, and alone it is silence.
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._last_error = said(self._config, error)
        if error.code() in _UNREACHABLE:
            # Whoever answers there when it is back may be another cluster.
            self._returned = False
            self._doubt.set()
        before = self._trouble is not None and self._trouble.unreachable
        unreachable = before or error.code() in _UNREACHABLE or error.fatal()
        self._trouble = Trouble(self._last_error or "no answer", unreachable, vague=not self._last_error)


class _UnmadeError(Exception):
    """There is no producer yet."""


def _unmade(*_record: object) -> None:
    raise _UnmadeError


def _ask(transport: weakref.ref[ConfluentTransport], doubt: threading.Event) -> None:
    """Finds out which cluster it is and that it answers, at first and after each outage, until it is gone."""
    while doubt.wait():
        doubt.clear()
        asked = transport()
        if asked is None or asked.closed:
            return
        again_s = asked.ask()
        # A producer that nobody closed can be collected while this waits.
        del asked
        if again_s is not None:
            doubt.set()
            time.sleep(again_s)


def _kind(error: KafkaError) -> FailureKind:
    code = error.code()
    if error.fatal() or code in (KafkaError._FATAL, KafkaError._STATE):
        return FailureKind.FATAL
    if code in _RECORD or code in _TOO_LARGE:
        return FailureKind.RECORD
    if code in _NOT_WRITTEN:
        return FailureKind.NOT_WRITTEN
    return FailureKind.FULL if code == KafkaError._QUEUE_FULL else FailureKind.UNKNOWN


class ConfluentTransportFactory:
    """Makes transports with one set of producer settings.

    Args:
        config: librdkafka settings that override :data:`PRODUCER_CONFIG`; those that must not are refused by
            :class:`~anabranch.connectors.prism.options.PrismOptions`.
        message_timeout_s: After this an attempt fails, whatever librdkafka still hopes for; never later
            than after 15 s.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, *, message_timeout_s: float = 60.0) -> None:
        self._config = {
            **PRODUCER_CONFIG,
            "message.timeout.ms": int(min(message_timeout_s, _MESSAGE_TIMEOUT_S) * 1000),
            **(config or {}),
        }

    def __call__(self, name: str, client: dict[str, Any], topic: str) -> ConfluentTransport:
        """Makes the transport of one primary."""
        try:
            return ConfluentTransport(topic, {**self._config, **client, "client.id": f"prism-{name}"})
        except KafkaException as error:
            # It names settings and files, no secrets.
            raise ConfigurationError(
                f"the Kafka client refuses its settings: {concise(error.args[0].str())}",
                where=f"primary {name}",
                hint="check its 'auth' in the topology document, the files that are named there, and config",
            ) from None
