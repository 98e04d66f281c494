"""Which primary gets the next record: the home one while it works, else all that work, by weight."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping

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
        self._cycle: Iterator[Link] = iter(())
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
        self._cycle = itertools.cycle(self._wheel)
        self._offers = deque(link for link in self._offers if link.awaits_probe)
        self._restart()

    def offer(self, link: Link) -> None:
        """The next record goes to this half-open link, as a probe."""
        if link not in self._offers:
            self._offers.append(link)
            self._restart()

    def pick(self, exclude: Collection[int], avoid: Collection[int], prompt_s: float | None) -> Link | None:
        """The next link for a record that is not simply sent to whose turn it is.

        Args:
            exclude: Places that are not to be had, nor their kin.
            avoid: Those to be had only where there is no other: they have failed the record.
            prompt_s: Only one that answers faster, or that is to be probed; None: any.
        """
        tried = bool(exclude or avoid)
        unwanted = [*exclude, *avoid] if avoid else exclude
        # A probe is for a record that has not been delayed yet, if there is one.
        link = None if tried else self._offered(unwanted)
        link = link or self._closed(unwanted, prompt_s) or self._offered(unwanted)
        if link is None and avoid:
            link = self._closed(exclude, prompt_s) or self._offered(exclude)
        return link

    def _offered(self, exclude: Collection[int]) -> Link | None:
        for offered in self._offers:
            if offered.kin.isdisjoint(exclude):
                self._offers.remove(offered)
                return offered
        return None

    def _closed(self, exclude: Collection[int], prompt_s: float | None) -> Link | None:
        for _ in range(len(self._wheel)):
            link = next(self._cycle)
            if link.kin.isdisjoint(exclude) and (prompt_s is None or link.prompt(prompt_s)):
                return link
        for _ in range(len(self._usable)):
            # Those that are not home.
            self._usable.rotate(-1)
            link = self._usable[0]
            if link.kin.isdisjoint(exclude) and (prompt_s is None or link.prompt(prompt_s)):
                return link
        return None

    def _restart(self) -> None:
        self.turns = itertools.chain(self._take_offers(), self._cycle)

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
