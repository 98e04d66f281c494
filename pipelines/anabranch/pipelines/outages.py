"""Which changes of a job's primaries are worth a line: one is away, back, parked, or has lost records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

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
        self._watched: dict[str, _Watched] = {}

    @property
    def away(self) -> tuple[str, ...]:
        """Names of those of which it was said, and not yet that they are back."""
        return tuple(sorted(name for name, each in self._watched.items() if each.told_away))

    def look(self, primaries: Iterable[PrimaryHealth], now_s: float) -> list[str]:
        """What has changed since the look before.

        Args:
            primaries: As they are now.
            now_s: Of a clock that only goes forward, seconds.
        """
        lines: list[str] = []
        for primary in primaries:
            watched = self._watched.setdefault(primary.name, _Watched(self._bounded))
            lines += (f"primary {primary.name}{line}" for line in watched.changes(primary, now_s))
        return lines


@dataclass
class _Watched:
    """One primary: what was seen and what was said of it."""

    bounded: bool
    answered: bool = False
    was_read: bool = False
    away_since: float | None = None
    told_away: bool = False
    told_unread: bool = False
    parked_since: float | None = None
    told_parked: int = 0
    told_gone: bool = False
    lost_ranges: int = 0
    lost_records: int = 0

    def changes(self, now: PrimaryHealth, now_s: float) -> Iterator[str]:
        if not now.in_topology:
            yield from self._gone(now)
        elif now.up:
            yield from self._up(now, now_s)
        else:
            yield from self._away(now, now_s)
        yield from self._lost(now)

    def _lost(self, now: PrimaryHealth) -> Iterator[str]:
        if now.lost_ranges < self.lost_ranges:
            # A task that starts anew counts anew; what is left is of others, and was told.
            self.lost_ranges, self.lost_records = now.lost_ranges, now.lost_records
        elif now.lost_records < self.lost_records:
            # As many ranges, of other lengths: all tasks count anew, and have lost something since.
            self.lost_ranges = self.lost_records = 0
        ranges, records = now.lost_ranges - self.lost_ranges, now.lost_records - self.lost_records
        self.lost_ranges, self.lost_records = now.lost_ranges, now.lost_records
        if ranges > 0 or records > 0:
            parts = f"{ranges} parts of its logs are" if ranges > 1 else "a part of a log is"
            some = "1 record" if records == 1 else f"{records:,} records"
            known = f", {some} at least" if records > 0 else ""
            yield f": {parts} gone{known}; Flink's log says what, and what of it is known to have been unread"

    def _gone(self, now: PrimaryHealth) -> Iterator[str]:
        """Whatever was said of it does not matter any more; if it comes back, it begins anew."""
        if not self.told_gone:
            waits = f": {_partitions(now.parked)} in case it comes back" if now.parked else ""
            yield f" is no longer in the topology{waits}"
        self.told_gone = True
        self.told_away = self.told_unread = False
        self.away_since, self.told_parked = None, 0

    def _up(self, now: PrimaryHealth, now_s: float) -> Iterator[str]:
        self.answered, self.told_gone, self.away_since = True, False, None
        if self.told_away:
            self.told_away = self.told_unread = False
            yield " is back" + (f", {now.lag:,} records wait there" if now.lag else "")
        yield from self._parked(now, now_s)

    def _away(self, now: PrimaryHealth, now_s: float) -> Iterator[str]:
        self.told_gone = False
        self.away_since = now_s if self.away_since is None else self.away_since
        unread = now.answers is False
        # Who writes may notice it before who reads, and that nothing is read is the more important.
        told = self.told_unread or (self.told_away and not unread)
        if told or now_s - self.away_since < (_BLINK_S if self.answered else _FIRST_ANSWER_S):
            return
        self.told_away, self.told_unread = True, unread
        if not unread:
            yield (
                " takes no records: it does not answer, lacks the topic, or is another one's Kafka cluster; "
                "Flink's log says why"
            )
            return
        end = "; this run ends when it is back, or fails at scan.bounded.deadline" if self.bounded else ""
        # How many is not known yet: they are parked one by one.
        silent = "does not answer" if self.answered else "has not answered yet"
        why = f" ({now.trouble})" if now.trouble else ""
        where = " where they stand" if self.answered else ""
        yield f" {silent}{why}: its partitions wait{where}, the others are read{end}"

    def _parked(self, now: PrimaryHealth, now_s: float) -> Iterator[str]:
        self.was_read |= bool(now.answers) and not now.parked
        before = self.told_parked
        if now.parked <= before:
            self.parked_since = None
        else:
            self.parked_since = now_s if self.parked_since is None else self.parked_since
            if now_s - self.parked_since >= (_BLINK_S if self.was_read else _FIRST_ANSWER_S):
                self.told_parked = now.parked
                yield (
                    f" answers, but {_partitions(now.parked)}, parked: "
                    "its data or its state in the topology changed; Flink's log says why"
                )
        if before and not now.parked:
            self.told_parked = 0
            yield ": all partitions are read again"


def _partitions(count: int) -> str:
    return "1 partition waits" if count == 1 else f"{count} partitions wait"
