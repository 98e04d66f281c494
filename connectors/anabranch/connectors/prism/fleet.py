"""The links of one stream, kept in step with the topology."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from anabranch.connectors.prism.link import Link
from anabranch.connectors.prism.tracker import Tracker
from anabranch.connectors.prism.transport import Transport, TransportFactory
from anabranch.errors import ConfigurationError
from anabranch.topology import Primary, Topology, librdkafka_config

__all__ = ["Fleet", "StreamView"]

_log = logging.getLogger(__name__)

_Files = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class StreamView:
    """What of a topology document matters to a writer of one stream.

    Attributes:
        topic: Name of its topic on every primary.
        copies: Acknowledgements that a record needs.
        primaries: The active ones, by name.
        clients: Bootstrap servers and security of each, by name. Holds secrets.
        others: Names of the primaries that are not to be written to: draining or removed.
    """

    topic: str
    copies: int
    primaries: Mapping[str, Primary]
    clients: Mapping[str, dict[str, str]]
    others: Collection[str]

    @classmethod
    def of(cls, topology: Topology, stream: str) -> Self:
        """Looks a stream up.

        Raises:
            TopologyError: No group has the stream.
            ConfigurationError: A secret cannot be resolved.
        """
        group = topology.group_of(stream)
        spec = group.streams[stream]
        clients = {name: librdkafka_config(primary) for name, primary in group.writable.items()}
        others = group.primaries.keys() - clients.keys()
        return cls(spec.topic, spec.copies, group.writable, clients, others)


class Fleet:
    """Makes, replaces and retires links. Not safe from several threads; its owner holds a lock."""

    def __init__(self, tracker: Tracker, factory: TransportFactory, *, home: str | None) -> None:
        self._tracker = tracker
        self._factory = factory
        self._home = home
        self._links: dict[str, Link] = {}
        self._view: StreamView | None = None
        self._files: dict[str, _Files] = {}

    @property
    def links(self) -> Mapping[str, Link]:
        """By name, retired ones that still owe answers included."""
        return self._links

    def follow(self, view: StreamView) -> None:
        """Goes over to a new version of the topology.

        Raises:
            ConfigurationError: At the first version only: there is no primary with the name of the home one
                (one that is drained or removed is no error: producers start and go on with the others).
        """
        if self._home is not None and self._home not in view.clients:
            self._miss_home(self._home, view)
        if self._view is None and self._tracker.shortage.allowed and view.copies < 2:
            # No error: to lower them is how an outage is answered, and producers may restart in it.
            _log.warning(
                "topic %s: degrade_after_s (produce: --degrade-after) does nothing while the topology "
                "wants one copy",
                view.topic,
            )
        moved = self._view is not None and self._view.topic != view.topic
        self._view = view
        self._tracker.set_copies(view.copies)
        for name, client in view.clients.items():
            self._link_to(name, client, moved)
        for name, link in self._links.items():
            link.retired = name not in view.clients
        self._tracker.set_links(self._links.values())

    def tend(self) -> None:
        """Renews transports that are of no use any more, and drops retired ones that owe nothing."""
        for link in list(self._links.values()):
            if link.unread:
                link.unread = False
                self._read_again(link)
            if link.fatal:
                self._renew(link)
            if link.retired and not link.in_flight:
                link.transport.close()
                del self._links[link.name]
                self._tracker.set_links(self._links.values())

    def abandon(self) -> None:
        """In a forked child: leaves the parent's clients alone; freeing them would wait for their threads."""
        for link in self._links.values():
            _leak(link.transport)
        self._links = {}

    def close(self) -> None:
        """Gives up whatever is unanswered."""
        for link in self._links.values():
            link.transport.close()

    def _miss_home(self, home: str, view: StreamView) -> None:
        active = ", ".join(view.clients) or "none"
        if self._view is None and home not in view.others:
            raise ConfigurationError(f"there is no home primary '{home}'", hint=f"active: {active}")
        _log.warning("home primary '%s' is not to be written to; active: %s", home, active)

    def _link_to(self, name: str, client: dict[str, str], moved: bool) -> None:
        link = self._links.get(name)
        if link is None:
            self._links[name] = Link(name, self._tracker, client, self._make(name, client))
        elif link.client != client or moved:
            link.client = client
            self._renew(link)

    def _read_again(self, link: Link) -> None:
        """Takes up secrets that were renewed: a client keeps those that it was made with."""
        assert self._view is not None  # noqa: S101  (set by follow)
        primary = self._view.primaries.get(link.name)
        if primary is None:
            return
        try:
            client = librdkafka_config(primary)
            if client != link.client or _files(client) != self._files[link.name]:
                _log.info("primary %s: its secrets were renewed", link.name)
                link.client = client
                self._renew(link)
        except Exception as error:
            # They may be half written. At the next probe they are looked at again.
            _log.warning("primary %s: its secrets cannot be read: %s", link.name, error)

    def _renew(self, link: Link) -> None:
        old = link.transport
        link.replace(self._make(link.name, link.client))
        old.close()

    def _make(self, name: str, client: dict[str, str]) -> Transport:
        assert self._view is not None  # noqa: S101  (set by follow)
        files = _files(client)
        made = self._factory(name, client, self._view.topic)
        self._files[name] = files
        return made


def _files(client: Mapping[str, str]) -> _Files:
    """Tells whether one of the files that a client reads its certificates from is another one by now."""
    found = [os.stat(path) for key, path in client.items() if key.endswith(".location")]
    return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)


def _leak(thing: object) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
