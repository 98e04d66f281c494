"""A record on its way, and its attempts.

A record that is acknowledged by the first primary asked, as nearly all are, is one :class:`Flight`, which is
its own only attempt. Whatever else happens to it is kept in a :class:`Story` that is made when it happens.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from anabranch.connectors.prism.delivery import Ack, Delivery

if TYPE_CHECKING:
    from anabranch.connectors.prism.link import Link
    from anabranch.connectors.prism.tracker import Tracker
    from anabranch.connectors.prism.transport import Headers

__all__ = ["Attempt", "Flight", "OnDone", "Outcome", "Story"]

OnDone = Callable[[Delivery], None]


class Outcome(IntEnum):
    """What is known of an attempt."""

    PENDING = 0
    ACKED = 1
    NOT_WRITTEN = 2
    UNKNOWN = 3


PENDING, ACKED = Outcome.PENDING, Outcome.ACKED


class Flight:
    """A record from send to done, and its first attempt where that needs no :class:`Story`.

    Attributes:
        id: 16 bytes.
        headers: As sent, the id included.
        size: Bytes of value and key, as they count against the bound.
        link: Primary of the first attempt.
        sent_at: Time of the first attempt.
        outcome: Of the first attempt.
        overdue: The first attempt was given up waiting for.
        story: All attempts; None while the first one is the only one and unanswered or acknowledged.
    """

    __slots__ = (
        "headers",
        "id",
        "key",
        "link",
        "on_done",
        "outcome",
        "overdue",
        "sent_at",
        "size",
        "story",
        "timestamp_ms",
        "tracker",
        "value",
    )

    link: Link

    def __init__(
        self,
        tracker: Tracker,
        id: bytes,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        on_done: OnDone | None,
        size: int,
        sent_at: float,
    ) -> None:
        self.tracker = tracker
        self.id = id
        self.value = value
        self.key = key
        self.headers = headers
        self.timestamp_ms = timestamp_ms
        self.on_done = on_done
        self.size = size
        self.sent_at = sent_at
        self.outcome = PENDING
        self.overdue = False
        self.story: Story | None = None

    @property
    def flight(self) -> Flight:
        """Itself, as the flight that this attempt belongs to."""
        return self

    @property
    def over(self) -> bool:
        """Whether it is done or failed."""
        return self.story.over if self.story is not None else self.outcome is ACKED

    def answered(self, error: Any, message: Any) -> None:
        """The transport's callback of the first attempt."""
        if error is not None or self.story is not None:
            self.tracker.settle(self, error, message)
            return
        link = self.link
        link.acked += 1
        if self.sent_at > link.newest_acked:
            link.newest_acked = self.sent_at
        self.outcome = ACKED
        tracker = self.tracker
        tracker.done += 1
        tracker.bytes_in_flight -= self.size
        if self.on_done is not None:
            partition, offset = link.transport.place(message)
            delivery = Delivery(self.id, (Ack(link.name, partition, offset),), 1, False, None)
            tracker.finished.append((self.on_done, delivery))


class Attempt:
    """One further try to write a record to one primary."""

    __slots__ = ("flight", "link", "outcome", "overdue", "sent_at")

    def __init__(self, flight: Flight, link: Link, sent_at: float) -> None:
        self.flight = flight
        self.link = link
        self.sent_at = sent_at
        self.outcome = PENDING
        self.overdue = False

    def answered(self, error: Any, message: Any) -> None:
        """The transport's callback."""
        self.flight.tracker.settle(self, error, message)


class Story:
    """What happened to a record that was not simply acknowledged by the first primary.

    Attributes:
        attempts: In the order they were made.
        acks: In the order they arrived.
        refusals: Reasons of primaries for which it is too large.
        waiting: It is in the queue for a usable primary.
        over: ``on_done`` has been told.
    """

    __slots__ = ("acks", "attempts", "over", "refusals", "waiting")

    def __init__(self) -> None:
        self.attempts: list[Attempt | Flight] = []
        self.acks: list[Ack] = []
        self.refusals: list[str] = []
        self.waiting = False
        self.over = False

    @property
    def ambiguous(self) -> bool:
        """Some attempt's outcome is unknown."""
        return any(attempt.outcome in (PENDING, Outcome.UNKNOWN) for attempt in self.attempts)

    def live(self) -> int:
        """How many acknowledgements there are or may still be hoped for."""
        return sum(a.outcome is ACKED or (a.outcome is PENDING and not a.overdue) for a in self.attempts)

    def engaged(self) -> list[Link]:
        """Primaries that have the record, or may still answer."""
        return [a.link for a in self.attempts if a.outcome <= ACKED]
