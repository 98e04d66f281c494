"""Which primary gets the next record: the home one while it works, else all that work, by weight."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping

from anabranch.connectors.prism.breaker import BreakerState
from anabranch.connectors.prism.link import Link

__all__ = ["Rotation"]

# Turns of one round of the wheel per link: fine enough for shares of a few per cent.
_TURNS = 20


class Rotation:
    """Hands out links in turn; rebuilt whenever a breaker or the topology changes.

    Args:
        home: Name of the primary that is preferred while it is usable; None: none is.
        weights: Share of each primary, 1 where it is not named.

    Attributes:
        turns: The next link, and the next; ends at once where none is usable. An iterator rather than a
            method, because it is asked once a record.
    """

    def __init__(self, home: str | None = None, weights: Mapping[str, float] | None = None) -> None:
        self._home = home
        self._weights = dict(weights or {})
        self._usable: deque[Link] = deque()
        self._wheel: list[Link] = []
        self._offers: deque[Link] = deque()
        self.turns: Iterator[Link] = iter(())

    @property
    def usable(self) -> bool:
        """Whether any link can be had."""
        return bool(self._wheel or self._offers)

    def rebuild(self, links: Iterable[Link]) -> None:
        """Starts over with the usable ones among the links."""
        self._usable = deque(link for link in links if link.usable)
        home = [link for link in self._usable if link.name == self._home]
        self._wheel = home or self._spread(list(self._usable))
        self._offers = deque(link for link in self._offers if _probing(link))
        self._restart()

    def offer(self, link: Link) -> None:
        """The next record goes to this half-open link, as a probe."""
        self._offers.append(link)
        self._restart()

    def pick(self, exclude: Collection[Link | None] = ()) -> Link | None:
        """The next link outside ``exclude``; None if there is none."""
        for offered in list(self._offers):
            if offered not in exclude:
                self._offers.remove(offered)
                return offered
        for _ in self._wheel:
            link = next(self.turns)
            if link not in exclude:
                return link
        for _ in range(len(self._usable)):
            # Those that are not home.
            self._usable.rotate(-1)
            if self._usable[0] not in exclude:
                return self._usable[0]
        return None

    def _restart(self) -> None:
        self.turns = itertools.chain(self._take_offers(), itertools.cycle(self._wheel))

    def _take_offers(self) -> Iterator[Link]:
        while self._offers:
            yield self._offers.popleft()

    def _spread(self, links: list[Link]) -> list[Link]:
        """A round in which each link comes up by its weight, spread evenly (smooth weighted round robin)."""
        weights = [self._weights.get(link.name, 1.0) for link in links]
        if len(set(weights)) <= 1:
            return links
        total, current, wheel = sum(weights), [0.0] * len(links), []
        for _ in range(_TURNS * len(links)):
            current = [have + weight for have, weight in zip(current, weights, strict=True)]
            best = max(range(len(links)), key=current.__getitem__)
            current[best] -= total
            wheel.append(links[best])
        return wheel


def _probing(link: Link) -> bool:
    return link.breaker.state is BreakerState.HALF_OPEN and not link.retired
