"""One primary as a producer sees it: its transport, its breaker, its counters, what it still owes."""

from __future__ import annotations

import itertools
import logging
import math
from collections import deque
from typing import TYPE_CHECKING

from anabranch.connectors.prism.breaker import Breaker, BreakerState
from anabranch.connectors.prism.delivery import PrimaryStats
from anabranch.connectors.prism.flight import Attempt, Flight, Outcome
from anabranch.connectors.prism.transport import Transport
from anabranch.connectors.troubles import lasts

if TYPE_CHECKING:
    from anabranch.connectors.prism.tracker import Tracker

__all__ = ["Link"]

_log = logging.getLogger(__name__)

# Of each new sample in the smoothed latency: a few slow answers are no slow primary, twenty are.
_SMOOTHING = 1 / 16

_places = itertools.count()


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
        latency_s: Smoothed time from send to acknowledgement.
        proven: It has acknowledged something since it was opened.
        quiet: Something stayed unanswered for too long, and nothing was acknowledged since.
        busy: Its transport's queue was full at the last round.
        opened: Its breaker opened and its records have not been moved yet.
        fatal: The transport is of no use any more.
        unread: Its secrets may have been renewed; no probe goes out before they were looked at.
        retired: The topology wants no writes to it.
        place: A number for what its transport is connected to, another one for each transport: a name may
            come to mean another Kafka cluster, and copies lie on clusters, not on names.
        cluster: The id of its Kafka cluster, empty where it does not tell; None: not known yet.
        kin: Its place, and all places that are or were the same Kafka cluster.
        twin: Says whose Kafka cluster it is, if that is used under another name; else empty.
    """

    __slots__ = (
        "_probe",
        "_sent_before_probe",
        "_told",
        "acked",
        "breaker",
        "busy",
        "cluster",
        "failed",
        "fatal",
        "hedged",
        "kin",
        "last_ack_at",
        "latency_s",
        "name",
        "newest_acked",
        "opened",
        "place",
        "proven",
        "quiet",
        "retired",
        "seen_acked",
        "send",
        "sent",
        "tracker",
        "transport",
        "twin",
        "unread",
        "watch",
    )

    def __init__(self, name: str, tracker: Tracker, transport: Transport) -> None:
        self.name = name
        self.tracker = tracker
        self.transport = transport
        self.send = transport.send
        self.breaker = Breaker()
        self.watch: deque[Attempt | Flight] = deque()
        self.sent = self.acked = self.failed = self.hedged = self.seen_acked = 0
        self.newest_acked = self.last_ack_at = -math.inf
        self.latency_s = 0.0
        self.proven = self.quiet = self.busy = self.opened = self.fatal = self.retired = False
        self.place = next(_places)
        self.cluster = transport.cluster
        self.kin = frozenset((self.place,))
        self.twin = ""
        self.unread = False
        self._sent_before_probe = 0
        self._told = ""
        self._probe: Attempt | Flight | None = None

    @property
    def _fit(self) -> bool:
        """Nothing but its breaker keeps records from it."""
        # With one copy no harm is done before it is known, and a start need not wait for it.
        known = self.cluster is not None or self.tracker.copies == 1
        return known and not (self.retired or self.busy or self.twin)

    @property
    def usable(self) -> bool:
        """Whether records go to it as a matter of course."""
        return self.breaker.state is BreakerState.CLOSED and self._fit

    @property
    def works(self) -> bool:
        """Whether another one may be left for it."""
        return self.usable and not self.quiet

    @property
    def awaits_probe(self) -> bool:
        """Whether the one record that a half-open breaker lets through has not been sent yet."""
        unready = self.fatal or self.unread
        return self._half_open and self._fit and not unready and self.sent == self._sent_before_probe

    def find_probe(self) -> Attempt | Flight | None:
        """The attempt that a half-open breaker waits for; to be asked before it may be off :attr:`watch`."""
        if not self._half_open:
            return None
        if self._probe is None and self.sent != self._sent_before_probe and self.watch:
            # It is the only one since. To be told it by whoever sends would cost each record something.
            self._probe = self.watch[-1]
        return self._probe

    @property
    def in_flight(self) -> int:
        """Attempts whose outcome is not known yet."""
        return self.sent - self.acked - self.failed

    @property
    def _half_open(self) -> bool:
        return self.breaker.state is BreakerState.HALF_OPEN

    def prompt(self, limit_s: float) -> bool:
        """Whether it is known to answer in time: a hedge onto another slow primary only adds load."""
        return self.works and self.latency_s < limit_s

    def note_acks(self, now: float) -> bool:
        """Takes note of what was acknowledged since the last call; says whether the breaker changed."""
        if self.acked == self.seen_acked:
            return False
        self.seen_acked = self.acked
        self.latency_s += (now - self.newest_acked - self.latency_s) * _SMOOTHING
        probe = self.find_probe()
        return self.answered(now, as_probe=probe is not None and probe.outcome is Outcome.ACKED)

    def answered(self, now: float, *, as_probe: bool) -> bool:
        """It acknowledged or refused something; says whether the breaker changed.

        Args:
            now: The time.
            as_probe: That was the probe. (One that is late has opened the breaker, if another works.)
        """
        self.last_ack_at = now
        self.proven = True
        self.quiet = False
        self._told = ""
        if as_probe:
            self.breaker.probe_succeeded(now)
            # How late it was while it was down tells nothing of how prompt it is.
            self.latency_s = 0.0
            _log.info("primary %s takes records again", self.name)
        if self.breaker.acknowledged(now):
            self._await_probe()
            return True
        return as_probe

    def start_probe(self, now: float) -> None:
        """The cool-off is over: one record may try."""
        self.breaker.start_probe(now)
        self.quiet = False
        self._await_probe()

    def revive(self, now: float) -> bool:
        """It answers again after it was out of reach; says whether the breaker changed."""
        self.quiet = False
        if not self.breaker.revive(now):
            return False
        self._await_probe()
        return True

    def _await_probe(self) -> None:
        self._sent_before_probe = self.sent
        self._probe = None

    def note(self, reason: str, *, vague: bool = False) -> None:
        """Something is wrong; see :meth:`Breaker.note`."""
        self.breaker.note(reason, vague=vague)
        if lasts(reason):
            # Known before the breaker opens, and no retry mends it.
            self._tell()

    def trip(self, now: float) -> None:
        """The primary is known to be unusable."""
        self._opened(self.breaker.trip(now))

    def fail(self, sent_at: float, now: float) -> None:
        """An attempt failed that was made at ``sent_at``."""
        self._opened(self.breaker.failed(sent_at, now))

    def _opened(self, opened: bool) -> None:
        if opened:
            self.opened = True
            if not self.retired:
                self._tell()

    def _tell(self) -> None:
        """Once, though each probe of a primary that stays away fails anew; again if more is known."""
        reason = self.breaker.reason or "no answer"
        if not self._told or (self.breaker.concrete and reason != self._told):
            self._told = reason
            _log.warning("primary %s takes no records: %s", self.name, reason)

    def replace(self, transport: Transport) -> None:
        """Goes on with a new transport."""
        self.transport = transport
        self.send = transport.send
        # It may have moved to another cluster.
        self.place = next(_places)
        self.cluster = transport.cluster
        self.proven = self.fatal = self.quiet = self.busy = False

    def describe(self, now: float) -> str:
        """Its state in words, for error messages."""
        if self.twin:
            return f"not used: {self.twin}"
        if self.cluster is None and self.tracker.copies > 1:
            return f"not reached yet: {self.breaker.reason or 'no answer'}"
        if self.acked and self.usable and not self.breaker.reason:
            return "in use"
        return self.breaker.describe(now)

    def stats(self) -> PrimaryStats:
        """Its counts."""
        state = "gone" if self.retired else "twin" if self.twin else self.breaker.state.value
        reason = self.twin or self.breaker.reason
        return PrimaryStats(self.sent, self.acked, self.failed, self.hedged, self.in_flight, state, reason)
