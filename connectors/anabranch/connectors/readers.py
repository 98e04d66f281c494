"""Reads one stream from all its primaries, for tools and checks; jobs use the union source.

Each primary is read by a thread of its own, so that one that does not answer blocks nobody: it is reported,
tried again, and read from where it was left. There is no order across primaries, and duplicates come
through (see :class:`~anabranch.connectors.union_records.SeenIds`).
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self

from anabranch.connectors.guide import Guide
from anabranch.connectors.log_places import Places
from anabranch.connectors.primary_reader import Batch, PrimaryReader
from anabranch.connectors.troubles import next_step
from anabranch.connectors.union_records import StreamRecord
from anabranch.errors import TopologyError, UnavailableError
from anabranch.topology import Primary, Topology, librdkafka_config

__all__ = ["UnionReader"]

_log = logging.getLogger(__name__)

# A few thousand records per primary wait for a slow caller; then its thread pauses.
_BATCHES_AHEAD = 16
_START_BROKERS = "check that the brokers run (anabranch dev status) and the 'bootstrap' of the primaries"


class UnionReader:
    """Reads one stream from all primaries of its group.

    Args:
        topology: The document, or where it is (it is then followed: new primaries are read too).
        stream: Name of the stream.
        start: ``earliest``, or ``latest``: what is created after this call, on a primary that is down now
            as well. Of a log whose primary answers later than this call, what lies behind its end of then is
            read whatever its create time, and what lies before it by its create time.
        until_end: Stop at the end that each partition has when it is first reached.
        deadline_s: With ``until_end``: how long to try a primary that does not answer, or partitions that
            have no leader or bring nothing before their end, once the others of their primary are read.
        config: librdkafka settings that override the reader's.

    Raises:
        TopologyError: The document is invalid or has no such stream.
        ConfigurationError: A secret cannot be resolved.
    """

    def __init__(
        self,
        topology: str | Topology,
        stream: str,
        *,
        start: Literal["earliest", "latest"] = "earliest",
        until_end: bool = False,
        deadline_s: float = 10.0,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.stream = stream
        self._start = start
        self._opened_at = time.monotonic()
        self._since_ms = int(time.time() * 1000)
        self._until_end = until_end
        self._deadline_s = deadline_s
        self._config = dict(config or {})
        self._queue: queue.Queue[Batch] = queue.Queue(_BATCHES_AHEAD)
        self._places = Places()
        self._news: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._readers: dict[str, PrimaryReader] = {}
        self._guide = Guide(topology, interval_s=10.0, max_stale_s=None)
        self._followed = False
        self._follow()

    def poll(self, timeout_s: float) -> list[StreamRecord]:
        """The next records of some primary; empty if there are none for that long."""
        self._follow()
        try:
            return self._queue.get(timeout=timeout_s).records
        except queue.Empty:
            return []

    def __iter__(self) -> Iterator[StreamRecord]:
        """All records to the end (``until_end``), or for ever.

        Raises:
            UnavailableError: No primary could be read at all; says why for each.
        """
        for records in self.batches():
            yield from records
        self.check_reached()

    def batches(self) -> Iterator[list[StreamRecord]]:
        """As iterating over the reader, in pieces; an empty one ten times a second while nothing comes."""
        while True:
            # Asked before the queue: what a reader queued before it ended is still taken.
            finished = self.finished
            records = self.poll(0.0 if finished else 0.1)
            yield records
            if finished and not records:
                break

    @property
    def finished(self) -> bool:
        """Every primary was read to its end, or was given up (see :meth:`problems`)."""
        return all(reader.finished for reader in self._readers.values())

    def problems(self) -> dict[str, str]:
        """Why primaries cannot be read at the moment, by name; empty if all can."""
        problems = {name: reader.problem for name, reader in self._readers.items()}
        return {name: problem for name, problem in problems.items() if problem is not None}

    def news(self) -> list[tuple[str, str]]:
        """What happened to primaries since this was asked last: name and what a person has to know.

        It is told before records of that log are handed over: that a topic was created again, or that a name
        leads to another Kafka cluster, so that unread records of the former one are not read any more.
        """
        return [self._news.get_nowait() for _ in range(self._news.qsize())]

    @property
    def primaries(self) -> list[str]:
        """Names of those that are read, or would be."""
        return list(self._readers)

    def left_s(self, name: str) -> float:
        """How long that primary is still tried, seconds; without end where the reader goes on for ever."""
        return self._readers[name].left_s

    def check_reached(self) -> None:
        """Raises if no primary at all has been reached so far.

        Raises:
            UnavailableError: With the reason of each.
        """
        if any(reader.reached for reader in self._readers.values()):
            return
        silent = f"no answer yet within {time.monotonic() - self._opened_at:.0f} s"
        reasons = "\n".join(
            f"    {name}: {reader.problem or silent}" for name, reader in self._readers.items()
        )
        raise UnavailableError(
            f"no primary of stream '{self.stream}' can be read:\n{reasons or '    there are none'}",
            hint=next_step(reasons, _START_BROKERS),
        )

    def close(self) -> None:
        """Stops all threads."""
        self._guide.close()
        for reader in self._readers.values():
            reader.stop()
        for reader in self._readers.values():
            while not reader.join(0.05):
                self._drain()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _drain(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()

    def _follow(self) -> None:
        topology = self._guide.news()
        if topology is None:
            return
        first = not self._followed
        self._guide.take(topology)
        try:
            group = topology.group_of(self.stream)
        except TopologyError as error:
            if first:
                raise
            _log.warning("reader of %s stays with the topology it has: %s", self.stream, error)
            return
        self._followed = True
        topic = group.streams[self.stream].topic
        if first:
            # What is wrong from the start is the caller's mistake; later, it is a primary's trouble.
            for primary in group.readable.values():
                librdkafka_config(primary)
        # Who is to leave a log is told before anybody is to take it up.
        for name in set(self._readers) - set(group.readable):
            self._readers.pop(name).stop()
        for name, reader in self._readers.items():
            reader.move_to(topic, group.readable[name])
        for name, primary in group.readable.items():
            if name not in self._readers:
                self._readers[name] = self._open(name, topic, primary)

    def _open(self, name: str, topic: str, primary: Primary) -> PrimaryReader:
        return PrimaryReader(
            name,
            topic,
            primary,
            self._config,
            self._queue,
            places=self._places,
            tell=lambda text: self._news.put((name, text)),
            since_ms=self._since_ms if self._start == "latest" else None,
            until_end=self._until_end,
            deadline_s=self._deadline_s,
        )
