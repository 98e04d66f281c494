"""Primaries in memory: to test what sends through Prism without a broker, faults included.

::

    primaries = SimulatedPrimaries()
    with PrismProducer(topology, "logs", transports=primaries) as producer:
        primaries["a"].stop()
        producer.send(b"x")
    assert [record.value for record in primaries["b"].log] == [b"x"]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.connectors import record_headers
from anabranch.connectors.ids import RecordId
from anabranch.connectors.prism.transport import AnswerCallback, Failure, FailureKind, Headers, Trouble

__all__ = ["SimulatedPrimaries", "SimulatedPrimary", "SimulatedRecord", "SimulatedTransport"]


@dataclass(frozen=True, slots=True)
class SimulatedRecord:
    """A record in a simulated log."""

    value: bytes | None
    key: bytes | None
    timestamp_ms: int
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def id(self) -> RecordId:
        """From its header."""
        encoded = dict(self.headers)[record_headers.ID]
        return RecordId(encoded or b"")


class SimulatedPrimary:
    """One log with one partition, and ways to hurt it.

    Attributes:
        log: What was written, in order.
        max_bytes: The primary refuses larger values.
        client_max_bytes: The client before it refuses larger values at once.
        client_full: The client before it has no room for more.
        cluster: Id of its Kafka cluster; by default it is the only primary with it.
        error: While set, each record is answered with it and not written.
    """

    def __init__(self) -> None:
        self.log: list[SimulatedRecord] = []
        self.max_bytes = 1_000_000
        self.client_max_bytes = 10_000_000
        self.client_full = False
        self.cluster = f"cluster-{id(self)}"
        self.error: Failure | None = None
        self.reachable = True
        self.answering = True
        self.accepts = True
        self.trouble: Trouble | None = None
        self.returned = False
        self.to_answer: deque[int] = deque()

    def stop(self, *, tell: bool = True) -> None:
        """Down; clients are told that the connection is lost unless ``tell`` is False."""
        self.reachable = self.returned = False
        if tell:
            self.trouble = Trouble("connection refused", unreachable=True)

    def pause(self, *, writing: bool = True) -> None:
        """Connections stay open and nothing is answered; what arrives is written all the same or not yet."""
        self.answering = False
        self.accepts = writing

    def go_on(self) -> None:
        """Up and answering again, the log kept; clients are told if it was down."""
        self.returned |= not self.reachable
        self.reachable = self.answering = self.accepts = True
        self.trouble = None

    def answer(self, count: int, *, skip: int = 0) -> None:
        """While paused: writes and answers that many of the oldest records, after the first ``skip``."""
        self.to_answer.extend([skip] * count)


_PURGED = Failure(FailureKind.UNKNOWN, "")


@dataclass(slots=True)
class _Sent:
    record: SimulatedRecord
    on_answer: AnswerCallback
    on_the_wire: bool = False
    offset: int | None = None


class SimulatedTransport:
    """Producer of one simulated primary; counts what Prism asks of it.

    Attributes:
        closed: It was closed.
        fatal: Set to make it of no use until it is replaced.
    """

    def __init__(self, primary: SimulatedPrimary) -> None:
        self.primary = primary
        self.cluster: str | None = primary.cluster
        self.closed = False
        self.fatal = False
        self._queue: deque[_Sent] = deque()
        self._answers: deque[tuple[AnswerCallback, Any, Any]] = deque()

    def send(
        self,
        value: bytes | None,
        key: bytes | None,
        timestamp_ms: int,
        headers: Headers,
        on_answer: AnswerCallback,
    ) -> None:
        """Queues a record."""
        if self.fatal:
            raise _SimulatedError(Failure(FailureKind.FATAL, "fatal state"))
        if self.primary.client_full:
            raise _SimulatedError(Failure(FailureKind.FULL, "queue full"))
        if value is not None and len(value) > self.primary.client_max_bytes:
            raise _SimulatedError(Failure(FailureKind.RECORD, "message size too large"))
        record = SimulatedRecord(value, key, timestamp_ms, _pairs(headers))
        self._queue.append(_Sent(record, on_answer))

    def poll(self) -> Trouble | None:
        """Lets the primary work, then serves its answers."""
        self._work()
        while self._answers:
            on_answer, error, message = self._answers.popleft()
            on_answer(error, message)
        told, self.primary.trouble = self.primary.trouble, None
        return told

    def returned(self) -> bool:
        """Whether it has gone on after it was down."""
        told, self.primary.returned = self.primary.returned, False
        return told

    def purge(self) -> None:
        """Fails what is still here, and not on its way to the primary."""
        kept: deque[_Sent] = deque()
        for sent in self._queue:
            if sent.offset is None and not sent.on_the_wire:
                self._answers.append((sent.on_answer, _PURGED, None))
            else:
                kept.append(sent)
        self._queue = kept

    def failure(self, error: object, message: object = None) -> Failure:
        """The failure itself, or the one that was raised."""
        if isinstance(error, _SimulatedError):
            return error.failure
        assert isinstance(error, Failure)  # noqa: S101  (we make them)
        return error

    def place(self, message: object) -> tuple[int, int]:
        """Partition 0 and the offset."""
        assert isinstance(message, int)  # noqa: S101  (we make them)
        return 0, message

    def close(self) -> None:
        """Fails what is unanswered."""
        self.closed = True
        while self._queue:
            sent = self._queue.popleft()
            self._answers.append((sent.on_answer, _PURGED, None))
        while self._answers:
            on_answer, error, message = self._answers.popleft()
            on_answer(error, message)

    def _work(self) -> None:
        primary = self.primary
        for sent in self._queue:
            sent.on_the_wire = primary.reachable
            if primary.reachable and primary.accepts:
                self._write(sent)
        while primary.reachable and primary.answering and self._queue:
            self._answer(self._queue.popleft())
        while primary.reachable and primary.to_answer and len(self._queue) > primary.to_answer[0]:
            place = primary.to_answer.popleft()
            sent = self._queue[place]
            del self._queue[place]
            self._write(sent)
            self._answer(sent)

    def _answer(self, sent: _Sent) -> None:
        refusal = self._refusal(sent.record)
        self._answers.append((sent.on_answer, refusal, None if refusal else sent.offset))

    def _write(self, sent: _Sent) -> None:
        if sent.offset is None and self._refusal(sent.record) is None:
            sent.offset = len(self.primary.log)
            self.primary.log.append(sent.record)

    def _refusal(self, record: SimulatedRecord) -> Failure | None:
        if self.primary.error is not None:
            return self.primary.error
        if record.value is not None and len(record.value) > self.primary.max_bytes:
            return Failure(FailureKind.RECORD, "message size too large")
        return None


class _SimulatedError(Exception):
    """Raised by :meth:`SimulatedTransport.send`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class SimulatedPrimaries:
    """A transport factory over simulated primaries, made as they are named.

    Attributes:
        transports: All that were made, in order, with the primary's name.
    """

    def __init__(self) -> None:
        self._primaries: dict[str, SimulatedPrimary] = {}
        self.transports: list[tuple[str, SimulatedTransport]] = []

    def __getitem__(self, name: str) -> SimulatedPrimary:
        return self._primaries.setdefault(name, SimulatedPrimary())

    def __call__(self, name: str, client: dict[str, Any], topic: str) -> SimulatedTransport:
        """Makes the transport of one primary."""
        transport = SimulatedTransport(self[name])
        self.transports.append((name, transport))
        return transport


def _pairs(headers: Headers) -> tuple[tuple[str, bytes | None], ...]:
    return tuple(headers.items()) if isinstance(headers, Mapping) else tuple(headers)
