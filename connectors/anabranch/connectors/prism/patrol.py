"""Goes round the primaries: takes in answers, moves what is overdue, lets those that were down try again."""

from __future__ import annotations

from anabranch.connectors.prism.flight import Attempt, Flight, Outcome
from anabranch.connectors.prism.link import Link
from anabranch.connectors.prism.tracker import Tracker

__all__ = ["Patrol"]

# A connection, a log-in and the metadata of a topic come before a new producer's first acknowledgement; on a
# loaded machine they take longer than any hedge should wait.
_FIRST_ANSWER_S = 2.0
# What waits is looked at in turns, so that a round stays short however much waits.
_SERVED_PER_ROUND = 1_000


class Patrol:
    """The part of Prism that time drives. Its owner calls it under the tracker's lock.

    Args:
        tracker: Whose records it looks after.
        hedge_after_s: A record that is unanswered for longer goes to another primary as well.
    """

    def __init__(self, tracker: Tracker, hedge_after_s: float) -> None:
        self._tracker = tracker
        self._hedge_after_s = hedge_after_s
        self._skipped = False

    def go_round(self, now: float) -> None:
        """One round; to be made every few milliseconds while records are in flight."""
        tracker = self._tracker
        # Nobody came for long: what looks overdue may just not have been looked at. Ask once more first.
        self._skipped = not self._skipped and now - tracker.now > self._hedge_after_s / 2
        tracker.now = now
        self._take_answers()
        for link in tracker.links:
            if not self._skipped:
                self._find_overdue(link)
            if link.opened:
                self._evacuate(link)
            if link.breaker.probe_due(now) and not link.retired and not link.fatal:
                link.breaker.start_probe()
                tracker.rotation.offer(link)
        if tracker.waiting:
            self._serve_waiting()
        tracker.blocked = bool(tracker.waiting) or not tracker.rotation.usable

    def _take_answers(self) -> None:
        changed = False
        for link in self._tracker.links:
            unreachable = link.transport.poll()
            changed |= link.note_acks(self._tracker.now)
            if unreachable is not None:
                link.trip(self._tracker.now, unreachable)
                changed |= link.opened
        if changed:
            self._tracker.rebuild()

    def _find_overdue(self, link: Link) -> None:
        """Moves the records at the front that the primary seems to have forgotten.

        A record that is merely queueing behind others that are being acknowledged is left alone: hedging it
        would double the load on everybody. It is overdue if its primary acknowledges nothing at all, or has
        acknowledged what was sent long after it (so that one partition's leader must be stuck).
        """
        now, watch = self._tracker.now, link.watch
        patience_s = self._hedge_after_s if link.proven else max(self._hedge_after_s, _FIRST_ANSWER_S)
        silent = now - link.last_ack_at >= patience_s
        while watch:
            attempt = watch[0]
            if attempt.outcome is Outcome.PENDING:
                age_s = now - attempt.sent_at
                overtaken = link.newest_acked - attempt.sent_at >= patience_s
                if age_s < patience_s or not (silent or overtaken):
                    return
                if silent:
                    self._count_silence(link, age_s)
                self._hedge(attempt, link)
            watch.popleft()

    def _count_silence(self, link: Link, age_s: float) -> None:
        link.fail(self._tracker.now, f"no answer for {age_s:.1f} s")
        if link.opened:
            self._tracker.rebuild()

    def _hedge(self, attempt: Attempt | Flight, link: Link) -> None:
        attempt.outcome = Outcome.OVERDUE
        link.hedged += 1
        self._tracker.pursue(attempt.flight)

    def _evacuate(self, link: Link) -> None:
        """Moves everything that a primary still owes, now that it is known to be in trouble."""
        link.opened = False
        self._tracker.rebuild()
        link.transport.purge()
        link.transport.poll()
        while link.watch:
            attempt = link.watch.popleft()
            if attempt.outcome is Outcome.PENDING:
                self._hedge(attempt, link)

    def _serve_waiting(self) -> None:
        """Sends on what waits for a primary, oldest first; what has waited too long fails."""
        tracker = self._tracker
        for _ in range(min(len(tracker.waiting), _SERVED_PER_ROUND)):
            flight = tracker.waiting[0]
            if not (flight.over or tracker.expired(flight) or tracker.rotation.usable):
                return
            tracker.waiting.popleft()
            if flight.story is not None:
                flight.story.waiting = False
            tracker.pursue(flight)
