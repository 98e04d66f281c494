"""Where a stream's logs were left, by what they are: names of primaries and topics are only labels."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from anabranch.errors import UnavailableError

__all__ = ["LogId", "Place", "Places", "change"]

# Whoever is to leave is in a call to its primary for 5 s at most.
_LEAVE_LIMIT_S = 10.0
# A broker lags for seconds; one that is cut off from its controllers for longer is also cut off from readers.
_LAG_LIMIT_S = 30.0


class LogId(NamedTuple):
    """What tells a topic of a Kafka cluster from all others, of all times."""

    cluster_id: str
    topic: str
    topic_id: str
    """Empty where brokers are older than topic ids."""

    def same(self, other: LogId) -> bool:
        """Whether they are one log as far as both say; an update of the brokers brings topic ids."""
        return self == other or (self[:2] == other[:2] and not (self.topic_id and other.topic_id))


@dataclass
class Place:
    """How far a reader has come in the partitions of one log.

    Attributes:
        positions: The next offset of each.
        ended: Those whose end has been seen.
        first: Those that were there at the first look and begin at the reader's start; others came up later,
            and all of them is new. None before that look.
    """

    positions: dict[int, int] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    first: set[int] | None = None


class Places:
    """Shared by the threads of one union reader; holds the places of logs that none of them reads now.

    A reader that is to read another log, or none, hands its place in before another one takes it up: so a log
    goes on where it stood, whatever it is called now.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._active: set[object] = set()
        self._leaving: set[object] = set()
        self._left: defaultdict[LogId, dict[str, Place]] = defaultdict(dict)
        self._last: dict[str, LogId] = {}
        self._newest: dict[tuple[str, str], LogId] = {}
        self._former: dict[LogId, float | None] = {}  # since when it is all that is shown

    def join(self, reader: object) -> None:
        """From now on that reader is waited for when it is to leave."""
        with self._changed:
            self._active.add(reader)

    def leave(self, reader: object) -> None:
        """That reader is told to leave its log; nobody takes one up before it has called :meth:`left`."""
        with self._changed:
            self._leaving |= {reader} & self._active
            self._changed.notify_all()

    def left(self, reader: object, *, for_good: bool = False) -> None:
        """It has handed in what it had."""
        with self._changed:
            self._leaving.discard(reader)
            if for_good:
                self._active.discard(reader)
            self._changed.notify_all()

    def hand_in(self, name: str, log: LogId, place: Place) -> None:
        """Keeps a place until somebody reads that log again."""
        with self._changed:
            self._left[log][name] = place
            self._last[name] = log

    def last(self, name: str) -> LogId | None:
        """The log of which a primary of that name was left; None if there was none."""
        return self._last.get(name)

    def see(self, log: LogId) -> LogId | None:
        """Notes that a primary shows that log; gives the former one if its topic was created again since.

        Which of two topics is the newer one, their ids do not say: it is the one that was met last. If then
        nothing but the other one is shown, it was that broker which lagged.

        Raises:
            UnavailableError: It is a former topic: the broker that says so lags.
        """
        with self._changed:
            now = time.monotonic()
            if log in self._former:
                since = self._former[log] = self._former[log] or now
                if now - since < _LAG_LIMIT_S:
                    raise UnavailableError(f"a broker still shows the former topic '{log.topic}'")
                del self._former[log]
            known = self._newest.get(log[:2], log)
            self._newest[log[:2]] = log if log.topic_id else known
            self._former.update({each: None for each in self._former if each[:2] == log[:2]})
            if known.same(log):
                return None
            self._former[known] = None
            return known

    def take(self, reader: object, name: str, log: LogId) -> Place | None:
        """The place that was handed in of that log, by that name if there are two; None if there is none."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._leaving <= {reader} or reader in self._leaving, _LEAVE_LIMIT_S
            )
            # It may have been left before its brokers had topic ids.
            left = self._left[log] or self._left[log._replace(topic_id="")]
            return left.pop(name if name in left else next(iter(left)), None) if left else None


def change(former: LogId, log: LogId, *, known: bool, moved: bool) -> str | None:
    """What a person is told when a primary leads to another log than before; None if nothing.

    Args:
        former: The log until now.
        log: The one that it is now.
        known: It goes on where it was left.
        moved: The document says something else of the primary or the stream than before.
    """
    if known and moved:
        return None
    if known and former[:2] == log[:2]:
        again = f"topic '{log.topic}' is the one before again (a broker lagged)"
        return f"{again}, and read on from where it was left"
    if known:
        return f"it is Kafka cluster {log.cluster_id} again, which is read on from where it was left"
    if former.cluster_id != log.cluster_id:
        clusters = f"({log.cluster_id}, was {former.cluster_id})"
        unread = "not read" if moved else "gone"
        return (
            f"it is another Kafka cluster now {clusters}, and read from where this reader starts; "
            f"what was not read of the former one, if anything, is {unread}"
        )
    if former.topic != log.topic:
        return f"topic '{log.topic}' is read now; unread records of topic '{former.topic}' are not read"
    return (
        f"topic '{log.topic}' was created again, and is read from its start; "
        "what was not read of the former one, if anything, is gone"
    )
