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
_WISHES_PER_ROUND = 100
# What waits is in the order in which it began to, so all of it is looked at for what has waited too long.
_EXPIRY_S = 0.1


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
        self._next_expiry = 0.0

    def go_round(self, now: float) -> None:
        """One round; to be made every few milliseconds while records are in flight."""
        tracker = self._tracker
        # Nobody came for long: what looks overdue may just not have been looked at. Ask once more first.
        self._skipped = not self._skipped and now - tracker.now > self._hedge_after_s / 2
        tracker.now = now
        self._take_answers()
        if not self._skipped:
            for link in tracker.links:
                self._listen(link)
            tracker.look_for_shortage()
            for link in tracker.links:
                if link.quiet:
                    self._leave(link)
                self._find_overdue(link)
        for link in tracker.links:
            if link.opened:
                self._evacuate(link)
            if link.breaker.probe_due(now):
                link.start_probe(now)
                link.unread = True
            if link.awaits_probe:
                tracker.rotation.offer(link)
        self._serve_waiting()
        self._serve_wishes()
        tracker.look_whether_blocked()

    def _take_answers(self) -> None:
        changed = False
        now = self._tracker.now
        for link in self._tracker.links:
            trouble = link.transport.poll()
            changed |= link.note_acks(now) or link.busy
            cluster = link.transport.cluster
            if cluster is not None and cluster != link.cluster:
                link.cluster = cluster
                changed = True
            link.busy = False
            if trouble is not None:
                link.note(trouble.reason, vague=trouble.vague)
                if trouble.unreachable:
                    link.trip(now)
            changed |= link.opened
            if link.transport.returned():
                changed |= link.revive(now)
        if changed:
            self._tracker.rebuild()

    def _listen(self, link: Link) -> None:
        """Finds out whether a primary has fallen silent."""
        now, watch = self._tracker.now, link.watch
        link.find_probe()
        while watch and watch[0].outcome is not Outcome.PENDING:
            watch.popleft()
        patience_s = self._patience_s(link)
        if watch and now - watch[0].sent_at >= patience_s and now - link.last_ack_at >= patience_s:
            link.quiet = True
            link.note(f"no answer for {now - watch[0].sent_at:.1f} s", vague=True)

    def _find_overdue(self, link: Link) -> None:
        """Moves the records at the front that the primary seems to have forgotten.

        A record that is merely queueing behind others that are being acknowledged is left alone: hedging it
        would double the load on everybody. It is overdue if its primary acknowledges nothing at all, or has
        acknowledged what was sent long after it (so that one partition's leader must be stuck).
        """
        now, watch = self._tracker.now, link.watch
        patience_s = self._patience_s(link)
        while watch:
            attempt = watch[0]
            if attempt.outcome is Outcome.PENDING and not self._tracker.expire(attempt.flight):
                overtaken = link.newest_acked - attempt.sent_at >= patience_s
                if now - attempt.sent_at < patience_s or not (link.quiet or overtaken):
                    return
                self._hedge(attempt, link)
            watch.popleft()

    def _patience_s(self, link: Link) -> float:
        return self._hedge_after_s if link.proven else max(self._hedge_after_s, _FIRST_ANSWER_S)

    def _leave(self, link: Link) -> None:
        """Opens the breaker of a silent primary, unless records need it: slow is better than nothing."""
        if sum(other.works for other in self._tracker.links) >= self._tracker.shortage.enough:
            link.trip(self._tracker.now)
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
        waiting = tracker.waiting
        if waiting and tracker.now >= self._next_expiry:
            self._next_expiry = tracker.now + _EXPIRY_S
            for flight in waiting:
                if not flight.over:
                    tracker.expire(flight)
        for _ in range(min(len(waiting), _SERVED_PER_ROUND)):
            flight = waiting[0]
            if not flight.over and (tracker.held is not None or not tracker.rotation.usable):
                return
            waiting.popleft()
            if flight.story is not None:
                flight.story.waiting = False
            tracker.pursue(flight)

    def _serve_wishes(self) -> None:
        """Sees whether some other primary has become prompt enough for what is overdue."""
        wishes = self._tracker.wishes
        for _ in range(min(len(wishes), _WISHES_PER_ROUND)):
            flight = wishes.popleft()
            if flight.story is not None:
                flight.story.wishing = False
            self._tracker.pursue(flight)
        while wishes and wishes[0].over:
            wishes.popleft()
