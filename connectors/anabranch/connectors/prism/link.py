"""One primary as a producer sees it: its transport, its breaker, its counters, what it still owes."""

from __future__ import annotations

import math
from collections import deque

from anabranch.connectors.prism.breaker import Breaker, BreakerState
from anabranch.connectors.prism.delivery import PrimaryStats
from anabranch.connectors.prism.flight import Attempt, Flight
from anabranch.connectors.prism.transport import Transport

__all__ = ["Link"]


class Link:
    """State of one primary.

    Attributes:
        name: Of the primary.
        watch: Attempts in the order they were sent, so that only the front can be overdue; answered ones
            are taken off when they come to the front.
        acked: Count of acknowledgements; the tracker raises it.
        newest_acked: When the latest-sent attempt that was acknowledged had been sent.
        last_ack_at: When the last acknowledgement was seen.
        proven: It has acknowledged something since it was opened.
        opened: Its breaker opened and its records have not been moved yet.
        fatal: The transport is of no use any more.
        retired: The topology wants no writes to it.
    """

    __slots__ = (
        "acked",
        "breaker",
        "client",
        "failed",
        "fatal",
        "hedged",
        "last_ack_at",
        "name",
        "newest_acked",
        "opened",
        "proven",
        "retired",
        "seen_acked",
        "sent",
        "transport",
        "watch",
    )

    def __init__(self, name: str, client: dict[str, str], transport: Transport) -> None:
        self.name = name
        self.client = client
        self.transport = transport
        self.breaker = Breaker()
        self.watch: deque[Attempt | Flight] = deque()
        self.sent = self.acked = self.failed = self.hedged = self.seen_acked = 0
        self.newest_acked = self.last_ack_at = -math.inf
        self.proven = self.opened = self.fatal = self.retired = False

    @property
    def usable(self) -> bool:
        """Whether records go to it as a matter of course."""
        return self.breaker.state is BreakerState.CLOSED and not self.retired

    @property
    def in_flight(self) -> int:
        """Attempts whose outcome is not known yet."""
        return self.sent - self.acked - self.failed

    def note_acks(self, now: float) -> bool:
        """Takes note of what was acknowledged since the last call; says whether the breaker closed."""
        if self.acked == self.seen_acked:
            return False
        self.seen_acked = self.acked
        self.last_ack_at = now
        self.proven = True
        return self.breaker.succeeded()

    def trip(self, now: float, reason: str) -> None:
        """The primary is known to be unusable."""
        if self.breaker.trip(now, reason):
            self.opened = True

    def fail(self, now: float, reason: str) -> None:
        """An attempt failed or timed out."""
        if self.breaker.failed(now, reason):
            self.opened = True

    def replace(self, transport: Transport) -> None:
        """Goes on with a new transport."""
        self.transport = transport
        self.proven = self.fatal = False

    def stats(self) -> PrimaryStats:
        """Its counts."""
        state = "gone" if self.retired else self.breaker.state.value
        return PrimaryStats(
            self.sent, self.acked, self.failed, self.hedged, self.in_flight, state, self.breaker.reason
        )
