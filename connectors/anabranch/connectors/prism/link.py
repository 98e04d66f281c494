"""One primary as a producer sees it: its transport, its breaker, its counters, what it still owes."""

from __future__ import annotations

import logging
import math
from collections import deque
from typing import TYPE_CHECKING

from anabranch.connectors.prism.breaker import Breaker, BreakerState
from anabranch.connectors.prism.delivery import PrimaryStats
from anabranch.connectors.prism.flight import Attempt, Flight
from anabranch.connectors.prism.transport import Transport

if TYPE_CHECKING:
    from anabranch.connectors.prism.tracker import Tracker

__all__ = ["Link"]

log = logging.getLogger(__name__)


class Link:
    """State of one primary.

    Attributes:
        name: Of the primary.
        tracker: Which is told of answers.
        send: The transport's, at hand because it is called once a record.
        watch: Attempts in the order they were sent, so that only the front can be overdue; answered ones
            are taken off when they come to the front.
        acked: Count of acknowledgements; the tracker raises it.
        newest_acked: When the attempt that was acknowledged last had been sent.
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
        "send",
        "sent",
        "tracker",
        "transport",
        "watch",
    )

    def __init__(self, name: str, tracker: Tracker, client: dict[str, str], transport: Transport) -> None:
        self.name = name
        self.tracker = tracker
        self.client = client
        self.transport = transport
        self.send = transport.send
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
        if not self.breaker.succeeded():
            return False
        log.info("primary %s acknowledges again", self.name)
        return True

    def trip(self, now: float, reason: str) -> None:
        """The primary is known to be unusable."""
        self._opened(self.breaker.trip(now, reason))

    def fail(self, now: float, reason: str) -> None:
        """An attempt failed or timed out."""
        self._opened(self.breaker.failed(now, reason))

    def _opened(self, opened: bool) -> None:
        if opened:
            self.opened = True
            log.warning("primary %s takes no records: %s", self.name, self.breaker.reason)

    def replace(self, transport: Transport) -> None:
        """Goes on with a new transport."""
        self.transport = transport
        self.send = transport.send
        self.proven = self.fatal = False

    def stats(self) -> PrimaryStats:
        """Its counts."""
        state = "gone" if self.retired else self.breaker.state.value
        return PrimaryStats(
            self.sent, self.acked, self.failed, self.hedged, self.in_flight, state, self.breaker.reason
        )
