"""What became of a record, and of all records so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from anabranch.connectors.ids import RecordId
from anabranch.errors import DeliveryError

__all__ = ["Ack", "Delivery", "PrimaryStats", "ProducerStats"]


class Ack(NamedTuple):
    """One primary has the record, at this place."""

    primary: str
    partition: int
    offset: int


class Delivery:
    """What became of one record; handed to ``on_done`` once.

    Attributes:
        attempts: How often it was handed to a primary.
        copies: How many primaries were wanted to acknowledge it.
        ambiguous: Some attempt's outcome is unknown (it timed out, was overtaken by a hedge, or failed
            after it may have been written): the record may be in the logs more often than ``acks`` says.
        error: Why the send failed; None if it is done.
    """

    __slots__ = ("_acks", "_id", "ambiguous", "attempts", "copies", "error")

    def __init__(
        self,
        id: bytes,
        acks: tuple[tuple[str, int, int], ...],
        attempts: int,
        ambiguous: bool,
        error: DeliveryError | None,
        copies: int = 1,
    ) -> None:
        self._id = id
        self._acks = acks
        self.attempts = attempts
        self.ambiguous = ambiguous
        self.error = error
        self.copies = copies

    @property
    def id(self) -> RecordId:
        """The id that every attempt carried."""
        return RecordId(self._id)

    @property
    def acks(self) -> tuple[Ack, ...]:
        """Which primaries acknowledged it up to now, in that order.

        There are ``copies`` of them unless it failed or is :attr:`degraded`.
        """
        return tuple(Ack(*each) for each in self._acks)

    @property
    def degraded(self) -> bool:
        """It is done with fewer copies than wanted; see ``degrade_after_s``."""
        return self.error is None and len(self._acks) < self.copies

    def __repr__(self) -> str:
        state = f"error={self.error.message!r}" if self.error else f"acks={self.acks}"
        if self.degraded:
            state += f" of {self.copies}"
        return f"Delivery({self._id.hex()}, {state}, attempts={self.attempts}, ambiguous={self.ambiguous})"


@dataclass(frozen=True, slots=True)
class PrimaryStats:
    """Counts of one primary since the producer was opened.

    Attributes:
        sent: Attempts handed to it.
        acked: Attempts that it acknowledged, late ones included.
        failed: Attempts that failed.
        hedged: Attempts that it left unanswered so long that another primary was asked.
        in_flight: Attempts whose outcome is not known yet.
        state: ``closed`` (in use), ``open`` (left alone), ``half-open`` (one record probes it), ``gone``
            (no longer to be written to), ``twin`` (its Kafka cluster is used under another name).
        reason: What went wrong last; empty while nothing has.
    """

    sent: int
    acked: int
    failed: int
    hedged: int
    in_flight: int
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProducerStats:
    """Counts of a producer.

    Attributes:
        records: Sends accepted.
        done: Sends acknowledged by enough primaries.
        failed: Sends that ended in an error.
        in_flight: Sends that are neither.
        ambiguous: Done or failed sends with an attempt whose outcome is unknown.
        degraded: Done sends with fewer copies than wanted.
        primaries: By name.
    """

    records: int
    done: int
    failed: int
    in_flight: int
    ambiguous: int
    degraded: int
    primaries: Mapping[str, PrimaryStats]
