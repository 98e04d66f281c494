"""A record on its way, and its attempts.

A record that is acknowledged by the first primary asked, as nearly all are, is one :class:`Flight`, which is
its own only attempt. Whatever else happens to it is kept in a :class:`Story` that is made when it happens.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from anabranch.connectors.prism.breaker import BreakerState
from anabranch.connectors.prism.delivery import Ack, Delivery
from anabranch.connectors.prism.transport import Headers

if TYPE_CHECKING:
    from anabranch.connectors.prism.link import Link

__all__ = ["Attempt", "Flight", "OnDone", "Outcome", "Story"]

OnDone = Callable[[Delivery], None]


class Outcome(IntEnum):
    """What is known of an attempt."""

    PENDING = 0
    """Not answered yet."""
    OVERDUE = 1
    """Not answered for so long that another primary was asked; it may still be."""
    ACKED = 2
    NOT_WRITTEN = 3
    UNKNOWN = 4
    """It failed, and may have been written all the same."""


_PENDING, _OVERDUE, _ACKED = Outcome.PENDING, Outcome.OVERDUE, Outcome.ACKED


class Flight:
    """A record from send to done, and its first attempt where that needs no :class:`Story`.

    One object per record and no further containers, since each that lives until the acknowledgement is
    work for the garbage collector.

    Attributes:
        value: Payload.
        key: Kafka key.
        timestamp_ms: Create time.
        headers: All of them, the id included.
        id: 16 bytes.
        size: Bytes of value and key, as they count against the bound.
        on_done: Told when the record is done or failed.
        sent_at: When it was accepted, which is the time of the first attempt.
        link: Primary of the first attempt; None if none was usable.
        place: Its :attr:`Link.place` then.
        outcome: Of the first attempt.
        story: All attempts; None while the first one is the only one and unanswered or acknowledged.
    """

    __slots__ = (
        "headers",
        "id",
        "key",
        "link",
        "on_done",
        "outcome",
        "place",
        "sent_at",
        "size",
        "story",
        "timestamp_ms",
        "value",
    )

    def __init__(
        self,
        value: bytes,
        key: bytes | None,
        timestamp_ms: int,
        headers: Headers,
        id: bytes,
        size: int,
        on_done: OnDone | None,
        sent_at: float,
    ) -> None:
        self.value = value
        self.key = key
        self.timestamp_ms = timestamp_ms
        self.headers = headers
        self.id = id
        self.size = size
        self.on_done = on_done
        self.sent_at = sent_at
        self.link: Link | None = None
        self.place = -1
        self.outcome = _PENDING
        self.story: Story | None = None

    @property
    def flight(self) -> Flight:
        """Itself, as the flight that this attempt belongs to."""
        return self

    @property
    def over(self) -> bool:
        """Whether it is done or failed."""
        return self.story.over if self.story is not None else self.outcome is _ACKED

    def __call__(self, error: Any, message: Any) -> None:
        """The transport's callback of the first attempt."""
        link = self.link
        assert link is not None  # noqa: S101  (it has answered)
        tracker = link.tracker
        if error is not None or self.story is not None:
            tracker.settle(self, error, message)
            return
        self.outcome = _ACKED
        link.acked += 1
        link.newest_acked = self.sent_at
        tracker.room += 1
        tracker.room_bytes += self.size
        if self.on_done is not None:
            partition, offset = link.transport.place(message)
            delivery = Delivery(self.id, ((link.name, partition, offset),), 1, False, None)
            tracker.finished.append((self.on_done, delivery))


class Attempt:
    """One further try to write a record to one primary."""

    __slots__ = ("flight", "link", "outcome", "place", "sent_at")

    def __init__(self, flight: Flight, link: Link, sent_at: float) -> None:
        self.flight = flight
        self.link = link
        self.place = link.place
        self.sent_at = sent_at
        self.outcome = _PENDING

    def __call__(self, error: Any, message: Any) -> None:
        """The transport's callback."""
        self.link.tracker.settle(self, error, message)


class Story:
    """What happened to a record that was not simply acknowledged by the first primary.

    Attributes:
        copies: Acknowledgements that it needs, each of another primary.
        attempts: In the order they were made.
        acks: In the order they arrived.
        refusals: Names of the primaries that refuse this very record, with the reason.
        refused_at: Their places.
        waiting: It is in the queue for a usable primary.
        wishing: It is in the queue for a hedge.
        over: ``on_done`` has been told.
    """

    __slots__ = ("acks", "attempts", "copies", "over", "refusals", "refused_at", "waiting", "wishing")

    def __init__(self, copies: int) -> None:
        self.copies = copies
        self.attempts: list[Attempt | Flight] = []
        self.acks: list[Ack] = []
        self.refusals: dict[str, str] = {}
        self.refused_at: list[int] = []
        self.waiting = self.wishing = False
        self.over = False

    @property
    def ambiguous(self) -> bool:
        """Some attempt's outcome is unknown."""
        return any(attempt.outcome in (_PENDING, _OVERDUE, Outcome.UNKNOWN) for attempt in self.attempts)

    @property
    def missing(self) -> bool:
        """Fewer copies than it needs are acknowledged or freshly under way."""
        return sum(attempt.outcome in (_PENDING, _ACKED) for attempt in self.attempts) < self.copies

    @property
    def hopes(self) -> int:
        """How many copies are acknowledged or may well still be."""
        return sum(_is_hopeful(attempt) for attempt in self.attempts)

    def engaged(self) -> list[int]:
        """Places that have the record, may still answer, or refuse it."""
        return [*self._places(done_or_open=True), *self.refused_at]

    def failed(self) -> list[int]:
        """Places that failed it."""
        return self._places(done_or_open=False)

    def _places(self, *, done_or_open: bool) -> list[int]:
        return [
            attempt.place
            for attempt in self.attempts
            if attempt.link is not None and (attempt.outcome <= _ACKED) is done_or_open
        ]


def _is_hopeful(attempt: Attempt | Flight) -> bool:
    """What is overdue at a primary that is left will hardly be answered sooner than by another."""
    left = attempt.link is not None and attempt.link.breaker.state is not BreakerState.CLOSED
    return attempt.outcome <= _ACKED and not (attempt.outcome is _OVERDUE and left)
