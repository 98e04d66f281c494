"""The pure core of Prism: which primary has which record, and what is done.

It has no thread, no clock and no Kafka client of its own: its owner calls it under a lock, primaries are
transports, and :mod:`~anabranch.connectors.prism.patrol` tells it when somebody is overdue. Records come in
by :meth:`Tracker.launch`, answers by :class:`~anabranch.connectors.prism.flight.Flight` itself (the plain
good case) or :meth:`Tracker.settle` (all others), and whatever a record still needs is sought by
:meth:`Tracker.pursue`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from anabranch.connectors.prism.delivery import Ack, Delivery, PrimaryStats, ProducerStats
from anabranch.connectors.prism.flight import Attempt, Flight, OnDone, Outcome, Story
from anabranch.connectors.prism.link import Link
from anabranch.connectors.prism.options import PrismOptions
from anabranch.connectors.prism.rotation import Rotation
from anabranch.connectors.prism.shortage import Shortage
from anabranch.connectors.prism.transport import Failure, FailureKind
from anabranch.connectors.prism.twins import Twins
from anabranch.connectors.troubles import next_step
from anabranch.errors import DeliveryError

__all__ = ["Tracker"]

_log = logging.getLogger(__name__)

# One primary that finds a record too large may have a lower limit, or may have been sent it in a batch that
# was; two are enough.
_REFUSALS = 2
_MAYBE_WRITTEN = (FailureKind.UNKNOWN, FailureKind.FATAL)


class Tracker:
    """Follows every record until enough primaries acknowledged it.

    Attributes:
        copies: Acknowledgements that a new record needs, each of another primary.
        links: The primaries, retired ones included.
        rotation: Chooses among them.
        shortage: How many copies do while too few primaries work.
        now: Time of the last look.
        held: Why nothing may be sent at all; None if it may.
        blocked: No primary can take a record now, or some wait for one already.
        room: How many more records may be in flight.
        room_bytes: How many more bytes of key and value may be.
        started: Records accepted.
        waiting: Records for which no primary is usable. They hold up new ones, which would fare no better.
        wishes: Overdue records that no other primary would answer sooner, as far as is known. They still
            may be answered where they are, and hold up nobody.
        finished: (callback, what to call it with), for the owner to call outside its lock.
        unreported: The first error of a record without a callback.
    """

    def __init__(self, options: PrismOptions) -> None:
        self.copies = 1
        self.links: list[Link] = []
        self.rotation = Rotation(options.home, options.weights)
        self.shortage = Shortage(options.degrade_after_s)
        self._twins = Twins(options.home)
        self.now = 0.0
        self.held: str | None = None
        self.blocked = True
        self.room = self._max_in_flight = options.max_in_flight_records
        self.room_bytes = options.max_in_flight_bytes
        self.started = 0
        self.waiting: deque[Flight] = deque()
        self.wishes: deque[Flight] = deque()
        self.finished: deque[tuple[OnDone, Delivery]] = deque()
        self.unreported: DeliveryError | None = None
        self._failed = self._ambiguous = self._degraded = 0
        self._max_block_s = options.max_block_s
        self._hedge_after_s = options.hedge_after_s
        self._abandoned: DeliveryError | None = None

    @property
    def in_flight(self) -> int:
        """Records that are neither done nor failed."""
        return self._max_in_flight - self.room

    def set_links(self, links: Iterable[Link]) -> None:
        """Takes over the primaries that the topology names now, retired ones included."""
        self.links = list(links)
        self.rebuild()

    def set_copies(self, copies: int) -> None:
        """Goes over to another number: fewer let records end that have so many, more count for new ones."""
        if copies != self.copies:
            for flight in self._unfinished():
                story = self._story(flight)
                story.copies = min(story.copies, copies)
                if len(story.acks) >= story.copies:
                    self._end(flight, None)
        self.copies = copies
        self.shortage.want(copies)

    def look_for_shortage(self) -> None:
        """To be called at each round: lets records end for which fewer copies do now."""
        if self.shortage.look(self._working, self.now):
            for flight in self._unfinished():
                if self._has_enough(self._story(flight)):
                    self._end(flight, None)

    def rebuild(self) -> None:
        """To be called when a link became usable, or is not any more."""
        self._twins.settle(self.links)
        self.rotation.rebuild(self.links)
        self.look_whether_blocked()

    def look_whether_blocked(self) -> None:
        """To be called when something else changed that :attr:`blocked` depends on."""
        self.blocked = bool(self.waiting) or not self.rotation.usable or self.held is not None

    def launch(self, flight: Flight) -> None:
        """Hands a new record to its first primary, or to its first ``copies``."""
        self.started += 1
        self.room -= 1
        self.room_bytes -= flight.size
        link = next(self.rotation.turns, None) if self.copies == 1 else None
        if link is None:
            self.pursue(flight)
            return
        flight.link = link
        flight.place = link.place
        try:
            link.send(flight.value, flight.key, flight.timestamp_ms, flight.headers, flight)
        except Exception as error:
            self._refused(flight, flight, link.transport.failure(error))
            self.pursue(flight)
            return
        link.sent += 1
        link.watch.append(flight)

    def pursue(self, flight: Flight) -> None:
        """Asks as many further primaries as the record still needs; without one it waits."""
        story = self._story(flight)
        while not story.over and story.missing:
            if self._abandoned is not None:
                self._end(flight, self._abandoned)
                return
            if self.expire(flight):
                return
            hopes = story.hopes
            link = self._choose(story, hopes >= story.copies)
            if link is not None:
                self._attempt(flight, story, link)
            elif self._has_enough(story):
                self._end(flight, None)
            elif hopes >= min(story.copies, self._enough):
                self._wish(flight, story)
                return
            elif story.refusals and self.held is None:
                # To wait for one that might take it would hold up all others.
                self._end(flight, _refusal(story.refusals))
            else:
                self._wait(flight, story)
                return

    def expire(self, flight: Flight) -> bool:
        """Fails a record that has been tried for long enough; says whether it has been.

        One that a primary has acknowledged has then waited for longer than ``degrade_after_s``, if with
        primaries that came and went.
        """
        if self.now - flight.sent_at < self._max_block_s:
            return False
        story = self._story(flight)
        does = self.shortage.allowed and self.held is None and story.acks and not story.refusals
        self._end(flight, None if does else self._timed_out(flight))
        return True

    def settle(self, attempt: Attempt | Flight, error: Any, message: Any) -> None:
        """One attempt was answered, and it is not the plain good case."""
        flight, link = attempt.flight, attempt.link
        assert link is not None  # noqa: S101  (it has answered)
        if attempt.outcome > Outcome.ACKED:
            return  # it was given up with its client
        story = self._story(flight)
        if error is None:
            self._acknowledged(attempt, link, story, message)
            return
        link.failed += 1
        failure = link.transport.failure(error, message)
        if failure.kind is FailureKind.RECORD:
            self._answered_refusal(attempt, story, link, failure)
        elif failure.kind is FailureKind.BATCH:
            self._answered_at_all(attempt, link)
            # Smaller batches go out by a new client, which has to connect.
            link.proven = False
        else:
            self._blame(attempt, link, failure)
            maybe_written = failure.kind in _MAYBE_WRITTEN
            attempt.outcome = Outcome.UNKNOWN if maybe_written else Outcome.NOT_WRITTEN
        self.pursue(flight)

    def forsake(self, place: int) -> None:
        """That client is closed, and what it has not answered by now, it never will."""
        for flight in self._unfinished():
            for attempt in list(self._story(flight).attempts):
                if attempt.place == place and attempt.outcome in (Outcome.PENDING, Outcome.OVERDUE):
                    attempt.outcome = Outcome.UNKNOWN
                    self.pursue(flight)

    def abandon(self, error: DeliveryError) -> None:
        """Nothing is sent any more; what is in flight fails with that error."""
        self._abandoned = error
        for flight in self._unfinished():
            self._end(flight, error)

    def stats(self, primaries: Mapping[str, PrimaryStats]) -> ProducerStats:
        """Counts so far."""
        done = self.started - self.in_flight - self._failed
        return ProducerStats(
            self.started, done, self._failed, self.in_flight, self._ambiguous, self._degraded, primaries
        )

    def describe(self) -> str:
        """The state of each primary in words."""
        active = [link for link in self.links if not link.retired]
        states = [f"{link.name}: {link.describe(self.now)}" for link in active] or ["no primary is active"]
        if active and self._too_few:
            takes = "takes" if self._working == 1 else "take"
            known = f"only {self._working} of {len(active)} primaries {takes} records"
            states.insert(0, f"{self.copies} copies are wanted, and {known}")
        if self.held is not None:
            states.insert(0, f"nothing is sent: {self.held}")
        return "; ".join(states)

    def next_step(self) -> str:
        """What to do when no primary takes records, or too few do."""
        reasons = " ".join(link.breaker.reason for link in self.links if not link.retired)
        fewer = ", lower the stream's 'copies' in the topology document" if self._too_few else ""
        return next_step(reasons, f"bring a primary back{fewer}, or raise max_block_s (produce: --max-block)")

    @property
    def _too_few(self) -> bool:
        """With one copy it is plain without being said."""
        return self.copies > 1 and self._working < self.copies

    @property
    def _working(self) -> int:
        return sum(link.works for link in self.links)

    @property
    def _enough(self) -> int:
        """Copies that do where no more can be had. What is held back is not short of primaries."""
        return self.shortage.enough if self.held is None else self.copies

    def _has_enough(self, story: Story) -> bool:
        """All its copies are acknowledged, or no more can be had now and fewer do."""
        acked = len(story.acks)
        return acked >= story.copies or (acked >= self._enough and not story.refusals and story.missing)

    def _choose(self, story: Story, covered: bool) -> Link | None:
        if self.held is not None:
            return None
        return self.rotation.pick(story.engaged(), story.failed(), self._hedge_after_s if covered else None)

    def _attempt(self, flight: Flight, story: Story, link: Link) -> None:
        attempt = Attempt(flight, link, max(self.now, flight.sent_at))
        story.attempts.append(attempt)
        try:
            link.send(flight.value, flight.key, flight.timestamp_ms, flight.headers, attempt)
        except Exception as error:
            self._refused(flight, attempt, link.transport.failure(error))
            return
        link.sent += 1
        link.watch.append(attempt)

    def _wish(self, flight: Flight, story: Story) -> None:
        if not story.wishing:
            story.wishing = True
            self.wishes.append(flight)

    def _wait(self, flight: Flight, story: Story) -> None:
        if not story.waiting:
            story.waiting = True
            self.waiting.append(flight)
        self.blocked = True

    def _refused(self, flight: Flight, attempt: Attempt | Flight, failure: Failure) -> None:
        """A transport did not even queue the record."""
        link = attempt.link
        assert link is not None  # noqa: S101  (it was asked)
        attempt.outcome = Outcome.NOT_WRITTEN
        if failure.kind is FailureKind.RECORD:
            # Found by the client itself, whose limits are the same for every primary.
            self._end(flight, _refusal({link.name: failure.reason}))
        else:
            self._blame(attempt, link, failure)

    def _acknowledged(self, attempt: Attempt | Flight, link: Link, story: Story, message: Any) -> None:
        attempt.outcome = Outcome.ACKED
        link.acked += 1
        link.newest_acked = attempt.sent_at
        if story.over:
            return
        story.acks.append(Ack(link.name, *link.transport.place(message)))
        if self._has_enough(story):
            self._end(attempt.flight, None)

    def _answered_refusal(
        self, attempt: Attempt | Flight, story: Story, link: Link, failure: Failure
    ) -> None:
        """The primary works; it is the record that it does not want."""
        self._answered_at_all(attempt, link)
        story.refusals[link.name] = failure.reason
        story.refused_at.append(attempt.place)
        if len(story.refusals) >= _REFUSALS:
            self._end(attempt.flight, _refusal(story.refusals))

    def _answered_at_all(self, attempt: Attempt | Flight, link: Link) -> None:
        """The primary works, and has not written it."""
        if link.answered(self.now, as_probe=attempt is link.find_probe()):
            self.rebuild()
        attempt.outcome = Outcome.NOT_WRITTEN

    def _blame(self, attempt: Attempt | Flight, link: Link, failure: Failure) -> None:
        """The primary, or the way to it, is at fault."""
        if failure.kind is FailureKind.FULL:
            link.busy = True
            if attempt is link.find_probe():
                link.start_probe(self.now)
            self.rebuild()
            return
        link.note(failure.reason, vague=failure.vague)
        if failure.kind is FailureKind.FATAL:
            link.fatal = True
            link.trip(self.now)
        else:
            link.fail(attempt.sent_at, self.now)
        if link.opened:
            self.rebuild()

    def _end(self, flight: Flight, error: DeliveryError | None) -> None:
        story = self._story(flight)
        if story.over:
            return
        story.over = True
        self.room += 1
        self.room_bytes += flight.size
        ambiguous = story.ambiguous
        self._ambiguous += ambiguous
        self._failed += error is not None
        delivery = Delivery(flight.id, tuple(story.acks), len(story.attempts), ambiguous, error, story.copies)
        self._degraded += delivery.degraded
        if flight.on_done is not None:
            self.finished.append((flight.on_done, delivery))
        elif error is not None and self.unreported is None:
            self.unreported = error
        elif delivery.degraded:
            _log.warning("a record is done with fewer copies than wanted: %r", delivery)

    def _story(self, flight: Flight) -> Story:
        if flight.story is None:
            flight.story = Story(self.copies)
            if flight.link is not None:
                flight.story.attempts.append(flight)
        return flight.story

    def _unfinished(self) -> list[Flight]:
        """Every record in flight: each waits, wishes, or is freshly under way somewhere."""
        watched = (attempt.flight for link in self.links for attempt in link.watch)
        return [flight for flight in [*watched, *self.waiting, *self.wishes] if not flight.over]

    def _timed_out(self, flight: Flight) -> DeliveryError:
        story = self._story(flight)
        if story.acks:
            written = f"{len(story.acks)} of {story.copies} copies written"
            told = f"only {written}, to {' and '.join(ack.primary for ack in story.acks)},"
        else:
            told = f"not acknowledged by {story.copies} of the primaries"
        return DeliveryError(
            f"{told} within {self._max_block_s:g} s",
            where=self.describe(),
            hint=self.next_step(),
        )


def _refusal(reasons: Mapping[str, str]) -> DeliveryError:
    listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    error = DeliveryError(
        f"the record is refused: {listed}",
        hint="send it elsewhere or make it smaller; trying again is of no use",
    )
    error.retryable = False
    return error
