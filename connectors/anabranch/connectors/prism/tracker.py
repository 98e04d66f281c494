"""The pure core of Prism: which primary has which record, who is overdue, what is done.

It has no thread, no clock and no Kafka client of its own: its owner calls it under a lock and says what
time it is, and primaries are transports. Everything that happens to a record ends in one of

- :meth:`Tracker.launch`: it is handed to a primary (or to ``copies`` of them);
- :meth:`Tracker.settle`: a primary answered with an error, or anything after a first error;
- :meth:`Tracker.tick`: time passed, somebody is overdue, a primary went or came.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from anabranch.connectors.prism.breaker import BreakerState
from anabranch.connectors.prism.delivery import Ack, Delivery, PrimaryStats, ProducerStats
from anabranch.connectors.prism.flight import Attempt, Flight, OnDone, Outcome, Story
from anabranch.connectors.prism.link import Link
from anabranch.connectors.prism.rotation import Rotation
from anabranch.connectors.prism.transport import Failure, FailureKind
from anabranch.errors import DeliveryError

__all__ = ["Tracker"]

# A connection, a log-in and the metadata of a topic come before a new producer's first acknowledgement; on a
# loaded machine they take longer than any hedge should wait.
_FIRST_ANSWER_S = 2.0
# One primary that finds a record too large may have a lower limit, or may have been sent it in a batch that
# was; two are enough.
_REFUSALS = 2
# What waits is looked at in turns, so that a tick stays short however much waits.
_SERVED_PER_TICK = 1_000


class Tracker:
    """Follows every record until enough primaries acknowledged it.

    Args:
        rotation: Chooses primaries.
        hedge_after_s: A record that is unanswered for longer goes to another primary as well.
        max_block_s: A record that no primary takes for longer fails.

    Attributes:
        copies: Acknowledgements that a record needs, each of another primary.
        blocked: No primary can take a record now, or some wait for one already.
        started: Records accepted.
        done: Records that are done or failed.
        failed: Records that failed.
        ambiguous: Of those that are over: records with an attempt whose outcome is unknown.
        bytes_in_flight: Size of those that are neither.
        finished: (callback, what to call it with), for the owner to call outside its lock.
        unreported: The first error of a record without a callback.
    """

    def __init__(self, rotation: Rotation, *, hedge_after_s: float, max_block_s: float) -> None:
        self.links: list[Link] = []
        self.rotation = rotation
        self.copies = 1
        self.blocked = True
        self.started = self.done = self.failed = self.ambiguous = 0
        self.bytes_in_flight = 0
        self.finished: deque[tuple[OnDone, Delivery]] = deque()
        self.unreported: DeliveryError | None = None
        self._hedge_after_s = hedge_after_s
        self._max_block_s = max_block_s
        self._waiting: deque[Flight] = deque()
        self._now = 0.0
        self._look_from = 0.0
        self._abandoned: DeliveryError | None = None

    @property
    def in_flight(self) -> int:
        """Records that are not over."""
        return self.started - self.done

    def set_links(self, links: Iterable[Link]) -> None:
        """Takes over the primaries that the topology names now, retired ones included."""
        self.links = list(links)
        self._rebuild()

    def stats(self, primaries: Mapping[str, PrimaryStats]) -> ProducerStats:
        """Counts so far."""
        done = self.done - self.failed
        return ProducerStats(self.started, done, self.failed, self.in_flight, self.ambiguous, primaries)

    def abandon(self, error: DeliveryError) -> None:
        """Nothing is sent any more; what is in flight fails with that error."""
        self._abandoned = error
        attempts = [attempt for link in self.links for attempt in link.watch]
        for flight in [attempt.flight for attempt in attempts] + list(self._waiting):
            if not flight.over:
                self._end(flight, error)

    # -- a record sets off ---------------------------------------------------------------------------

    def launch(self, flight: Flight) -> None:
        """Hands a record to its first primary, or to its first ``copies``."""
        self.started += 1
        self.bytes_in_flight += flight.size
        if self.copies != 1:
            flight.story = Story()
            self._pursue(flight)
            return
        link = next(self.rotation.turns, None)
        if link is None:
            self._pursue(flight)
            return
        flight.link = link
        try:
            link.transport.send(
                flight.value, flight.key, flight.timestamp_ms, flight.headers, flight.answered
            )
        except Exception as error:
            flight.outcome = Outcome.NOT_WRITTEN
            self._refused(flight, link, link.transport.failure(error))
            self._pursue(flight)
            return
        link.sent += 1
        link.watch.append(flight)

    def _pursue(self, flight: Flight) -> None:
        """Asks as many further primaries as the record still needs; without one it waits."""
        story = self._story(flight)
        while not story.over and story.live() < self.copies:
            if self._abandoned is not None:
                self._end(flight, self._abandoned)
                return
            if self._now - flight.sent_at >= self._max_block_s:
                self._end(flight, self._timed_out())
                return
            link = self.rotation.pick(story.engaged())
            if link is None:
                if not story.waiting:
                    story.waiting = True
                    self._waiting.append(flight)
                return
            self._attempt(flight, story, link)

    def _attempt(self, flight: Flight, story: Story, link: Link) -> None:
        attempt = Attempt(flight, link, max(self._now, flight.sent_at))
        try:
            link.transport.send(
                flight.value, flight.key, flight.timestamp_ms, flight.headers, attempt.answered
            )
        except Exception as error:
            self._refused(flight, link, link.transport.failure(error))
            return
        link.sent += 1
        link.watch.append(attempt)
        story.attempts.append(attempt)

    def _refused(self, flight: Flight, link: Link, failure: Failure) -> None:
        """A transport did not even queue the record."""
        if failure.kind in (FailureKind.RECORD, FailureKind.MAYBE_RECORD):
            # Found by the client itself, whose limits are the same for every primary.
            if link.breaker.state is BreakerState.HALF_OPEN:
                self.rotation.offer(link)
            self._end(flight, _refusal([failure.reason]))
            return
        link.fatal |= failure.kind is FailureKind.FATAL
        link.trip(self._now, failure.reason)
        self._rebuild()

    # -- answers -------------------------------------------------------------------------------------

    def settle(self, attempt: Attempt | Flight, error: Any, message: Any) -> None:
        """One attempt was answered, and it is not the plain good case."""
        flight, link = attempt.flight, attempt.link
        story = self._story(flight)
        if error is None:
            self._acknowledged(attempt, story, message)
            return
        link.failed += 1
        failure = link.transport.failure(error)
        attempt.outcome = (
            Outcome.UNKNOWN
            if failure.kind in (FailureKind.UNKNOWN, FailureKind.FATAL, FailureKind.FULL)
            else Outcome.NOT_WRITTEN
        )
        if failure.kind in (FailureKind.RECORD, FailureKind.MAYBE_RECORD):
            self._answered_refusal(flight, story, link, failure)
        else:
            self._count_failure(attempt, failure)
        self._pursue(flight)

    def _acknowledged(self, attempt: Attempt | Flight, story: Story, message: Any) -> None:
        link = attempt.link
        attempt.outcome = Outcome.ACKED
        link.acked += 1
        link.newest_acked = max(link.newest_acked, attempt.sent_at)
        if story.over:
            return
        story.acks.append(Ack(link.name, *link.transport.place(message)))
        if len(story.acks) >= self.copies:
            self._end(attempt.flight, None)

    def _answered_refusal(self, flight: Flight, story: Story, link: Link, failure: Failure) -> None:
        """The primary works; it is the record that it does not want."""
        if link.breaker.succeeded():
            self._rebuild()
        story.refusals.append(f"{link.name}: {failure.reason}")
        others = [other for other in self.links if other.usable and other is not link]
        if failure.kind is FailureKind.RECORD or len(story.refusals) >= _REFUSALS or not others:
            self._end(flight, _refusal(story.refusals))

    def _count_failure(self, attempt: Attempt | Flight, failure: Failure) -> None:
        link = attempt.link
        link.fatal |= failure.kind is FailureKind.FATAL
        if failure.kind is FailureKind.NOT_WRITTEN or link.fatal:
            link.trip(self._now, failure.reason)
        elif not attempt.overdue:
            # An overdue one was counted against the primary when it was given up.
            link.fail(self._now, failure.reason)
        if link.opened:
            self._rebuild()

    def _end(self, flight: Flight, error: DeliveryError | None) -> None:
        story = self._story(flight)
        if story.over:
            return
        story.over = True
        self.done += 1
        self.bytes_in_flight -= flight.size
        ambiguous = story.ambiguous
        self.ambiguous += ambiguous
        self.failed += error is not None
        if flight.on_done is not None:
            delivery = Delivery(flight.id, tuple(story.acks), len(story.attempts), ambiguous, error)
            self.finished.append((flight.on_done, delivery))
        elif error is not None and self.unreported is None:
            self.unreported = error

    def _story(self, flight: Flight) -> Story:
        if flight.story is None:
            flight.story = Story()
            if hasattr(flight, "link"):
                flight.story.attempts.append(flight)
        return flight.story

    # -- time passes ---------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Takes in answers and moves what is overdue. To be called every few milliseconds while in use."""
        if now - self._now > self._hedge_after_s / 2:
            # Nobody called for long: what looks overdue may just not have been looked at. Ask again first.
            self._look_from = now + self._hedge_after_s / 4
        self._now = now
        self._take_answers()
        for link in self.links:
            if now >= self._look_from:
                self._find_overdue(link)
            if link.opened:
                self._evacuate(link)
            if link.breaker.probe_due(now) and not link.retired and not link.fatal:
                link.breaker.start_probe()
                self.rotation.offer(link)
        if self._waiting:
            self._serve_waiting()
        self.blocked = bool(self._waiting) or not self.rotation.usable

    def _take_answers(self) -> None:
        changed = False
        for link in self.links:
            unreachable = link.transport.poll()
            changed |= link.note_acks(self._now)
            if unreachable is not None:
                link.trip(self._now, unreachable)
                changed |= link.opened
        if changed:
            self._rebuild()

    def _find_overdue(self, link: Link) -> None:
        """Moves the records at the front that the primary seems to have forgotten.

        A record that is merely queueing behind others that are being acknowledged is left alone: hedging it
        would double the load on everybody. It is overdue if its primary acknowledges nothing at all, or has
        acknowledged what was sent long after it (so that one partition's leader must be stuck).
        """
        patience_s = self._hedge_after_s if link.proven else max(self._hedge_after_s, _FIRST_ANSWER_S)
        silent = self._now - link.last_ack_at >= patience_s
        watch = link.watch
        while watch:
            attempt = watch[0]
            if attempt.outcome is Outcome.PENDING and not attempt.overdue:
                if self._now - attempt.sent_at < patience_s:
                    return
                if not silent and link.newest_acked - attempt.sent_at < patience_s:
                    return
                if silent:
                    link.fail(self._now, f"no answer for {self._now - attempt.sent_at:.1f} s")
                    if link.opened:
                        self._rebuild()
                self._hedge(attempt)
            watch.popleft()

    def _hedge(self, attempt: Attempt | Flight) -> None:
        attempt.overdue = True
        attempt.link.hedged += 1
        self._pursue(attempt.flight)

    def _evacuate(self, link: Link) -> None:
        """Moves everything that a primary still owes, now that it is known to be in trouble."""
        link.opened = False
        self._rebuild()
        link.transport.purge()
        link.transport.poll()
        while link.watch:
            attempt = link.watch.popleft()
            if attempt.outcome is Outcome.PENDING and not attempt.overdue:
                self._hedge(attempt)

    def _serve_waiting(self) -> None:
        """Sends on what waits for a primary, oldest first; what has waited too long fails."""
        for _ in range(min(len(self._waiting), _SERVED_PER_TICK)):
            flight = self._waiting[0]
            expired = self._now - flight.sent_at >= self._max_block_s
            if not (self._story(flight).over or expired or self.rotation.usable):
                return
            self._waiting.popleft()
            self._story(flight).waiting = False
            self._pursue(flight)

    def _rebuild(self) -> None:
        self.rotation.rebuild(self.links)
        self.blocked = not self.rotation.usable

    def _timed_out(self) -> DeliveryError:
        return DeliveryError(
            f"not acknowledged by {self.copies} of the primaries within {self._max_block_s:g} s",
            where=self.describe(),
            hint="bring a primary back, or raise max_block_s",
        )

    def describe(self) -> str:
        """The state of each primary in words."""
        states = [
            f"{link.name}: {link.breaker.describe(self._now)}" for link in self.links if not link.retired
        ]
        return "; ".join(states) or "no primary is active"


def _refusal(reasons: list[str]) -> DeliveryError:
    error = DeliveryError(
        f"the record is refused: {'; '.join(reasons)}",
        hint="send it elsewhere or make it smaller; trying again is of no use",
    )
    error.retryable = False
    return error
