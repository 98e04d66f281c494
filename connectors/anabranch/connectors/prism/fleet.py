"""The links of one stream, kept in step with the topology."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from anabranch.connectors.prism.link import Link
from anabranch.connectors.prism.tracker import Tracker
from anabranch.connectors.prism.transport import Transport, TransportFactory
from anabranch.connectors.prism.unmade import UnmadeTransport
from anabranch.connectors.troubles import NO_CLIENT
from anabranch.errors import AnabranchError, ConfigurationError
from anabranch.topology import Primary, Topology
from anabranch.topology.librdkafka import producer_config

__all__ = ["Fleet", "StreamView"]

_log = logging.getLogger(__name__)

_CLIENT_FIELDS = ("bootstrap", "auth", "idempotence")
_Files = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class StreamView:
    """What of a topology document matters to a writer of one stream.

    Attributes:
        topic: Name of its topic on every primary.
        copies: Acknowledgements that a record needs.
        primaries: The active ones, by name.
        others: Names of the primaries that are not to be written to: draining or removed.
    """

    topic: str
    copies: int
    primaries: Mapping[str, Primary]
    others: Collection[str]

    @classmethod
    def of(cls, topology: Topology, stream: str) -> Self:
        """Looks a stream up.

        Raises:
            TopologyError: No group has the stream.
        """
        group = topology.group_of(stream)
        spec = group.streams[stream]
        others = group.primaries.keys() - group.writable.keys()
        return cls(spec.topic, spec.copies, group.writable, others)


@dataclass(frozen=True, slots=True)
class _Client:
    """What the transport of a link was made from.

    Attributes:
        primary: As the topology had it.
        config: Bootstrap servers, security and idempotence. Holds secrets.
        files: Which files its certificates were read from.
    """

    primary: Primary
    config: dict[str, Any]
    files: _Files

    def is_for(self, primary: Primary) -> bool:
        """Whether the topology still says the same of it; its secrets may be others."""
        return all(getattr(self.primary, name) == getattr(primary, name) for name in _CLIENT_FIELDS)


class Fleet:
    """Makes, replaces and retires links. Not safe from several threads; its owner holds a lock."""

    def __init__(self, tracker: Tracker, factory: TransportFactory, *, home: str | None) -> None:
        self._tracker = tracker
        self._factory = factory
        self._home = home
        self._links: dict[str, Link] = {}
        self._view: StreamView | None = None
        # Of those links whose transport could be made.
        self._clients: dict[str, _Client] = {}

    @property
    def links(self) -> Mapping[str, Link]:
        """By name, retired ones that still owe answers included."""
        return self._links

    def follow(self, view: StreamView, *, strict: bool = False) -> None:
        """Goes over to a new version of the topology.

        A primary whose client cannot be made holds up nobody else: it is one that does not work, and says
        why; before each probe its client is tried again.

        Args:
            view: Of that version.
            strict: It is an error, since what is wrong from the start is the caller's mistake.

        Raises:
            ConfigurationError: At the first version only: there is no primary with the name of the home one
                (one that is drained or removed is no error: producers start and go on with the others), or
                a client cannot be made and ``strict`` is set.
        """
        if self._home is not None and self._home not in view.primaries:
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
        # Before anything that may fail, and before a client that is replaced gives its records to others.
        for name, link in self._links.items():
            link.retired = name not in view.primaries
        self._tracker.set_links(self._links.values())
        self._tracker.set_copies(view.copies)
        for name, primary in view.primaries.items():
            self._link_to(name, primary, moved, strict)
        self._tracker.set_links(self._links.values())

    def tend(self) -> None:
        """Renews transports that are of no use any more, and drops retired ones that owe nothing."""
        for link in list(self._links.values()):
            if link.unread:
                link.unread = False
                self._read_again(link)
            if link.fatal:
                self._replace_broken(link)
            if link.retired and not link.in_flight:
                link.transport.close()
                del self._links[link.name]
                self._clients.pop(link.name, None)
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
        active = ", ".join(view.primaries) or "none"
        if self._view is None and home not in view.others:
            raise ConfigurationError(f"there is no home primary '{home}'", hint=f"active: {active}")
        _log.warning("home primary '%s' is not to be written to; active: %s", home, active)

    def _link_to(self, name: str, primary: Primary, moved: bool, strict: bool) -> None:
        link = self._links.get(name)
        if link is None:
            link = self._links[name] = Link(name, self._tracker, UnmadeTransport())
        client = self._clients.get(name)
        try:
            config = producer_config(primary)
            if client is None or moved or config != client.config:
                self._make(link, primary, config)
            else:
                # Its secrets may be kept elsewhere now.
                self._clients[name] = replace(client, primary=primary)
        except Exception as error:
            if strict:
                raise
            if client is None or moved or not client.is_for(primary):
                self._unmake(link, error)
            else:
                # It goes on with what it was made from.
                self._tell_unread(link, error)

    def _read_again(self, link: Link) -> None:
        """Takes up secrets that were renewed: a client keeps those that it was made with."""
        assert self._view is not None  # noqa: S101  (set by follow)
        primary = self._view.primaries.get(link.name)
        if primary is None:
            return
        client = self._clients.get(link.name)
        try:
            config = producer_config(primary)
            if client is None:
                self._make(link, primary, config)
            elif config != client.config or _files(config) != client.files:
                _log.info("primary %s: its secrets were renewed", link.name)
                self._make(link, primary, config)
        except Exception as error:
            if client is None:
                self._unmake(link, error)
            else:
                # They may be half written. At the next probe they are looked at again.
                self._tell_unread(link, error)

    def _replace_broken(self, link: Link) -> None:
        client = self._clients[link.name]
        try:
            self._make(link, client.primary, client.config)
        except Exception as error:
            self._unmake(link, error)

    def _make(self, link: Link, primary: Primary, config: dict[str, Any]) -> None:
        assert self._view is not None  # noqa: S101  (set by follow)
        files = _files(config)
        made = self._factory(link.name, config, self._view.topic)
        old, place = link.transport, link.place
        link.replace(made)
        if link.name not in self._clients:
            # What kept it down is over: it need not wait for the next probe.
            link.revive(self._tracker.now)
        self._clients[link.name] = _Client(primary, config, files)
        # What the old one owes goes to others at once, and must not lie twice in one cluster.
        self._tracker.rebuild()
        self._close(link, old, place)

    def _unmake(self, link: Link, error: Exception) -> None:
        """Nothing goes to a primary whose client cannot be made; before each probe it is tried again."""
        self._clients.pop(link.name, None)
        link.note(f"{NO_CLIENT}: {_reason(error)}")
        link.trip(self._tracker.now)
        # Closing gives what it owes to others, and must not give it to itself.
        self._tracker.rebuild()
        self._close(link, link.transport, link.place)
        link.replace(UnmadeTransport())

    def _close(self, link: Link, transport: Transport, place: int) -> None:
        """Ends a transport that is replaced, and gives what it owes to others."""
        owed, answered = link.in_flight, link.acked + link.failed
        transport.close()
        # Not all that is purged is told by then, and nobody will ask that client again.
        link.failed += max(0, owed - (link.acked + link.failed - answered))
        self._tracker.forsake(place)

    def _tell_unread(self, link: Link, error: Exception) -> None:
        _log.warning("primary %s: its secrets cannot be read: %s", link.name, _reason(error))


def _files(client: Mapping[str, Any]) -> _Files:
    """Tells whether one of the files that a client reads its certificates from is another one by now."""
    found = [os.stat(path) for key, path in client.items() if key.endswith(".location")]
    return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in found)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, AnabranchError) else f"{type(error).__name__}: {error}"


def _leak(thing: object) -> None:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
