"""Notices two names in the topology for one Kafka cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from anabranch.connectors.prism.breaker import BreakerState
from anabranch.connectors.prism.link import Link

__all__ = ["Twins"]

_log = logging.getLogger(__name__)

# Far more clients than can be made anew while one record waits.
_MOST = 100


class Twins:
    """Sees to it that of two names for one Kafka cluster only one is used.

    Two copies of a record in one cluster are lost together, so no record gets a copy by each name either
    while they take turns. The same as ``Twins.java``; ``tests/unit/vectors/prism.json`` holds both to it.

    Args:
        home: Name of the primary that is preferred.
    """

    def __init__(self, home: str | None) -> None:
        self._home = home
        # In the order in which they came; by cluster, and by name where a cluster does not tell its id.
        self._clusters: dict[str, list[int]] = {}
        self._names: dict[str, list[int]] = {}
        self._told: set[tuple[str, str]] = set()

    def settle(self, links: Iterable[Link]) -> None:
        """Chooses anew which link of each cluster is used. Where none works, each may be tried."""
        used: dict[str, Link] = {}
        # The same one for all writers: by name, but for the home one.
        for link in sorted(links, key=lambda link: (link.name != self._home, link.name)):
            _remember(self._names, link.name, link.place)
            if link.cluster:
                _remember(self._clusters, link.cluster, link.place)
                if link.breaker.state is BreakerState.CLOSED and not link.retired:
                    used.setdefault(link.cluster, link)
        for link in links:
            # Places that are gone, too: they may have acknowledged what still wants a copy.
            kin = self._clusters[link.cluster] if link.cluster else self._names[link.name]
            link.kin = frozenset(kin)
            other = used.get(link.cluster or "", link)
            link.twin = (
                "" if other is link else f"it is the same Kafka cluster as {other.name}, id {link.cluster}"
            )
            if link.twin and not link.retired and (link.name, other.name) not in self._told:
                self._told.add((link.name, other.name))
                _log.warning(
                    "primary %s is not written to: %s. A Kafka cluster should have one name in the topology",
                    link.name,
                    link.twin,
                )


def _remember(places: dict[str, list[int]], of: str, place: int) -> None:
    known = places.setdefault(of, [])
    if place not in known:
        known.append(place)
        del known[:-_MOST]
