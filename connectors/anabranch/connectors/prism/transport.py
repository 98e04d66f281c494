"""What Prism needs of a producer for one primary. Tests put simulated primaries behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

__all__ = ["AnswerCallback", "Failure", "FailureKind", "Headers", "Transport", "TransportFactory", "Trouble"]

Headers = Mapping[str, bytes | None] | Sequence[tuple[str, bytes | None]]
"""A mapping where each name comes once: of plain values, it is no work for the garbage collector."""

AnswerCallback = Callable[[Any, Any], None]
"""Called once per accepted record, from :meth:`Transport.poll` only, with (error, message).

The error is None if the record was acknowledged. Both are the transport's own objects, looked at only by
its :meth:`Transport.failure` and :meth:`Transport.place`: a conversion per record would cost too much.
"""


class FailureKind(Enum):
    """What a failed attempt means."""

    RECORD = "record"
    """The record is refused for what it is, by this primary at least: limits differ, so one more is tried."""
    BATCH = "batch"
    """It went in a batch that the primary refuses whole, and was not written; alone it may be taken."""
    NOT_WRITTEN = "not-written"
    """The primary cannot take it, and surely has not written it."""
    UNKNOWN = "unknown"
    """It may have been written, now or later."""
    FULL = "full"
    """The transport's own queue is full; nothing is wrong with the primary."""
    FATAL = "fatal"
    """The producer is of no use any more; a new one has to be made."""


class Failure(NamedTuple):
    """Why an attempt failed."""

    kind: FailureKind
    reason: str
    vague: bool = False
    """It tells that there was no answer, not why; any other reason that is known says more."""


class Trouble(NamedTuple):
    """What a client says of its primary, apart from any record."""

    reason: str
    unreachable: bool
    """The whole primary is out of reach, rather than one of its brokers."""
    vague: bool = False
    """As :attr:`Failure.vague`."""


class Transport(Protocol):
    """A producer of one primary. All methods are called under its owner's lock.

    Attributes:
        cluster: The id of the Kafka cluster, empty where it does not tell; None: not known yet.
    """

    cluster: str | None

    def send(
        self,
        value: bytes | None,
        key: bytes | None,
        timestamp_ms: int,
        headers: Headers,
        on_answer: AnswerCallback,
    ) -> None:
        """Queues a record; never blocks.

        Args:
            value: Payload.
            key: Kafka key.
            timestamp_ms: Create time, 0: now.
            headers: All of them, the id included.
            on_answer: Called once, unless this raises.

        Raises:
            Exception: The record was not queued; :meth:`failure` tells what that means.
        """
        ...

    def poll(self) -> Trouble | None:
        """Calls the callbacks of what was answered; returns the newest trouble since the last call."""
        ...

    def returned(self) -> bool:
        """Whether the primary answers and has the topic, after it was out of reach; said once.

        It may be asked at any time, and is never sure: what is on its way to the primary shows how it fares.
        """
        ...

    def purge(self) -> None:
        """Gives up what has not gone out yet: it fails at the next poll."""
        ...

    def failure(self, error: object, message: object = None) -> Failure:
        """What an error of :meth:`send`, or of a callback with that message, means."""
        ...

    def place(self, message: object) -> tuple[int, int]:
        """Partition and offset of an acknowledged record."""
        ...

    def close(self) -> None:
        """Gives up everything, calls the callbacks that remain, frees the producer. Does not wait."""
        ...


class TransportFactory(Protocol):
    """Makes the transport of a primary. Does not connect, and so does not fail for a dead primary."""

    def __call__(self, name: str, client: dict[str, Any], topic: str) -> Transport:
        """Makes one.

        Args:
            name: Of the primary.
            client: Bootstrap servers and security in librdkafka's words.
            topic: Where its records go.

        Raises:
            ConfigurationError: What the client was given is of no use, such as half a certificate. It is
                tried again.
        """
        ...
