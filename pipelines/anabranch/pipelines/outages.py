"""Which changes of a job's primaries are worth a line: one is away, back, parked, or has lost records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from anabranch.pipelines.events import PrimaryHealth

__all__ = ["Outages"]

# A first answer takes a while, and so does Flink in telling of it.
_FIRST_ANSWER_S = 15.0
# Shorter than that is no outage: a connection was lost and made again, or a primary is just being taken up.
_BLINK_S = 2.0


class Outages:
    """Tells each change once.

    Args:
        bounded: The job reads up to the present ends, so it waits for primaries that are away.
    """

    def __init__(self, *, bounded: bool) -> None:
        self._bounded = bounded
        self._answered: set[str] = set()
        self._away_since: dict[str, float] = {}
        self._told_away: dict[str, bool] = {}  # with whether it was said of reading
        self._parked_since: dict[str, float] = {}
        self._told_parked: dict[str, int] = {}
        self._told_gone: set[str] = set()
        self._was_read: set[str] = set()
        self._lost: dict[str, int] = {}

    @property
    def away(self) -> tuple[str, ...]:
        """Names of those of which it was said, and not yet that they are back."""
        return tuple(sorted(self._told_away))

    def look(self, primaries: Iterable[PrimaryHealth], now_s: float) -> list[str]:
        """What has changed since the look before.

        Args:
            primaries: As they are now.
            now_s: Of a clock that only goes forward, seconds.
        """
        return [line for primary in primaries for line in self._changes(primary, now_s)]

    def _changes(self, now: PrimaryHealth, now_s: float) -> Iterator[str]:
        if not now.in_topology:
            yield from self._gone(now)
        elif now.up:
            self._answered.add(now.name)
            self._told_gone.discard(now.name)
            self._away_since.pop(now.name, None)
            if now.name in self._told_away:
                del self._told_away[now.name]
                waits = f", {now.lag:,} records wait there" if now.lag else ""
                yield f"primary {now.name} is back{waits}"
            yield from self._parked_now(now, now_s)
        else:
            yield from self._away(now, now_s)
        lost = now.lost_ranges - self._lost.get(now.name, 0)
        # A task that starts anew counts anew.
        self._lost[now.name] = now.lost_ranges
        if lost > 0:
            ranges = "a range" if lost == 1 else f"{lost} ranges"
            yield f"primary {now.name}: {ranges} of records were gone before they were read: see Flink's log"

    def _gone(self, now: PrimaryHealth) -> Iterator[str]:
        """Whatever was said of it does not matter any more; if it comes back, it begins anew."""
        if now.name not in self._told_gone:
            self._told_gone.add(now.name)
            waits = f": {_partitions(now.parked)} in case it comes back" if now.parked else ""
            yield f"primary {now.name} is no longer in the topology{waits}"
        self._told_away.pop(now.name, None)
        self._away_since.pop(now.name, None)
        self._told_parked.pop(now.name, None)

    def _away(self, now: PrimaryHealth, now_s: float) -> Iterator[str]:
        since = self._away_since.setdefault(now.name, now_s)
        known = now.name in self._answered
        self._told_gone.discard(now.name)
        reading = now.answers is False
        # Who writes may notice it before who reads, and that nothing is read is the more important.
        told = now.name in self._told_away and (self._told_away[now.name] or not reading)
        if told or now_s - since < (_BLINK_S if known else _FIRST_ANSWER_S):
            return
        self._told_away[now.name] = reading
        what = f"primary {now.name} {'does not answer' if known else 'has not answered yet'}"
        if not reading:
            yield (
                f"primary {now.name} takes no records: it does not answer, lacks the topic, or is another "
                "one's Kafka cluster; Flink's log says why"
            )
            return
        # How many is not known yet: they are parked one by one.
        waits = "its partitions wait where they stand" if known else "its partitions wait"
        end = "; this run ends when it is back, or fails at scan.bounded.deadline" if self._bounded else ""
        yield f"{what}: {waits}, the others are read{end}"

    def _parked_now(self, now: PrimaryHealth, now_s: float) -> Iterator[str]:
        told = self._told_parked.get(now.name, 0)
        if now.answers and not now.parked:
            self._was_read.add(now.name)
        patience_s = _BLINK_S if now.name in self._was_read else _FIRST_ANSWER_S
        if now.parked <= told:
            self._parked_since.pop(now.name, None)
        elif now_s - self._parked_since.setdefault(now.name, now_s) >= patience_s:
            self._told_parked[now.name] = now.parked
            yield (
                f"primary {now.name} answers, but {_partitions(now.parked)}, parked: "
                "its data or its state in the topology changed; Flink's log says why"
            )
        if told and not now.parked:
            del self._told_parked[now.name]
            yield f"primary {now.name}: all partitions are read again"


def _partitions(count: int) -> str:
    return "1 partition waits" if count == 1 else f"{count} partitions wait"
