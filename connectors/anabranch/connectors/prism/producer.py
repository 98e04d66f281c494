"""The producer that writes to whichever primary works."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self, Unpack

from anabranch.connectors import record_headers
from anabranch.connectors.guide import Guide
from anabranch.connectors.ids import IdGenerator, RecordId
from anabranch.connectors.prism.confluent import ConfluentTransportFactory
from anabranch.connectors.prism.delivery import ProducerStats
from anabranch.connectors.prism.fleet import Fleet, StreamView
from anabranch.connectors.prism.flight import Flight, OnDone
from anabranch.connectors.prism.keeper import Keeper
from anabranch.connectors.prism.options import PrismOptions, PrismSettings
from anabranch.connectors.prism.patrol import Patrol
from anabranch.connectors.prism.steady_clock import SteadyClock
from anabranch.connectors.prism.tracker import Tracker
from anabranch.connectors.prism.transport import Headers, TransportFactory
from anabranch.errors import AnabranchError, DeliveryError
from anabranch.topology import Topology

__all__ = ["PrismProducer"]

_log = logging.getLogger(__name__)

# How often answers are taken in: a fraction of what an acknowledgement takes, and hundreds of records.
_TICK_S = 0.005
# How long a caller that waits sleeps between looks.
_REST_S = 0.002
# How long an owner may be elsewhere before the keeper looks after the answers.
_KEEP_S = 0.05


class PrismProducer:
    """Writes records of one stream to whichever of its primaries works.

    A send is done when as many primaries have acknowledged it as the stream wants ``copies``. What fails or
    stays unanswered beyond ``hedge_after_s`` goes to another primary under the same id, so duplicates are
    possible and loss is not; dedup takes the duplicates out. Opening it needs no live primary.

    It may be shared by threads. After a fork the child's producer starts over: new connections, new
    generated ids, nothing in flight (that is the parent's).

    Args:
        topology: The document, or where it is (it is then followed).
        stream: Name of the stream.
        options: Settings as one value.
        transports: Makes the producer of one primary; tests simulate primaries here.
        clock: Monotonic seconds.
        **settings: Fields of :class:`PrismOptions`, over ``options``.

    Raises:
        TopologyError: The document is invalid or has no such stream.
        ConfigurationError: A setting is out of range, a secret or certificate cannot be read, ``home`` is
            unknown.
    """

    def __init__(
        self,
        topology: str | Topology,
        stream: str,
        *,
        options: PrismOptions | None = None,
        transports: TransportFactory | None = None,
        clock: Callable[[], float] | None = None,
        **settings: Unpack[PrismSettings],
    ) -> None:
        options = replace(options or PrismOptions(), **settings)
        self.stream = stream
        self._options = options
        self._clock = clock or SteadyClock()
        self._ids = IdGenerator()
        self._factory = transports or ConfluentTransportFactory(
            options.config, message_timeout_s=options.max_block_s
        )
        self._guide = Guide(topology, interval_s=options.topology_interval_s, max_stale_s=options.max_stale_s)
        self._closed = self._forked = False
        self._lock = threading.RLock()
        self._callback_lock = threading.RLock()
        self._open()
        _producers.add(self)

    def _open(self) -> None:
        options = self._options
        self._next_tick = 0.0
        self._created_ms = 0
        self._tracker = Tracker(options)
        self._patrol = Patrol(self._tracker, options.hedge_after_s)
        self._fleet = Fleet(self._tracker, self._factory, home=options.home)
        try:
            self._follow_topology(first=True)
        except BaseException:
            self._fleet.close()
            self._guide.close()
            raise
        self._keep_s = min(_KEEP_S, options.hedge_after_s / 5)
        self._keeper = Keeper(self, self._keep_s, f"prism-{self.stream}")

    def send(
        self,
        value: bytes,
        *,
        key: bytes | None = None,
        id: RecordId | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        on_done: OnDone | None = None,
    ) -> None:
        """Accepts one record; returns before it is written.

        Waits while as much as allowed is in flight, or while no primary works.

        Args:
            value: Payload.
            key: Kafka key: records of one key go to one partition of each primary.
            id: Supplied or derived id; None: a generated one.
            timestamp_ms: Create time, Unix milliseconds; None: now.
            headers: Further headers.
            on_done: Called once with the record's :class:`Delivery`, from a thread that is in one of this
                object's methods or from its own, one call at a time. It must not block; it may send. Without
                it, :meth:`flush` raises what went wrong.

        Raises:
            DeliveryError: The record was not accepted within ``max_block_s``; says how each primary fares.
            UnavailableError: The topology is older than ``max_stale_s``.
        """
        record_id = self._ids.next_bytes() if id is None else id
        all_headers: Headers = {record_headers.ID: record_id}
        if headers:
            all_headers = [(record_headers.ID, record_id), *headers]
        size = len(value) if key is None else len(value) + len(key)
        waiting_since = None
        while True:
            with self._lock:
                now = self._clock()
                ticked = now >= self._next_tick
                if ticked:
                    self._tick(now, writing=True)
                tracker = self._tracker
                accepted = tracker.room > 0 and tracker.room_bytes > 0 and not tracker.blocked
                if accepted:
                    created_ms = self._created_ms if timestamp_ms is None else timestamp_ms
                    tracker.launch(Flight(value, key, created_ms, all_headers, record_id, size, on_done, now))
            if ticked:
                self._call_back()
            if accepted:
                return
            waiting_since = now if waiting_since is None else waiting_since
            self._rest(now - waiting_since)

    def poll(self) -> int:
        """Takes in answers and calls callbacks, without waiting; returns how many records are in flight.

        Needed by nobody, since the producer also does it by itself; useful to be called back sooner.
        """
        with self._lock:
            self._tick(self._clock())
            in_flight = self._tracker.in_flight
        self._call_back()
        return in_flight

    def flush(self, timeout_s: float | None = None) -> int:
        """Waits until nothing is in flight; returns how many records still are.

        What other threads go on sending meanwhile is waited for, too.

        Args:
            timeout_s: None: as long as it takes, which ``max_block_s`` bounds for each record.

        Raises:
            DeliveryError: A record that was sent without ``on_done`` failed since the last flush.
        """
        deadline = None if timeout_s is None else self._clock() + timeout_s
        while (left := self.poll()) and (deadline is None or self._clock() < deadline):
            time.sleep(_REST_S)
        with self._callback_lock:
            self._call_back()
        with self._lock:
            error, self._tracker.unreported = self._tracker.unreported, None
        if error is not None:
            raise error
        return left

    def stats(self) -> ProducerStats:
        """Counts since the producer was opened."""
        with self._lock:
            primaries = {name: link.stats() for name, link in self._fleet.links.items()}
            return self._tracker.stats(primaries)

    def close(self, timeout_s: float | None = None) -> None:
        """Flushes, then frees everything; what is not done by then fails.

        Raises:
            DeliveryError: See :meth:`flush`.
        """
        if self._closed:
            return
        try:
            self.flush(timeout_s)
        finally:
            self._closed, self._next_tick = True, 0.0
            self._keeper.stop()
            self._guide.close()
            with self._lock:
                self._tracker.abandon(DeliveryError("the producer was closed before the record was done"))
                self._fleet.close()
            self._call_back()
        error = self._tracker.unreported
        if error is not None:
            raise error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After an error of the caller's own, give what was accepted a short while only.
        self.close(None if kind is None else min(self._options.max_block_s, 5.0))

    def keep(self) -> None:
        """Called by the keeper's thread."""
        with self._lock:
            now = self._clock()
            if self._closed or now < self._next_tick + self._keep_s - _TICK_S:
                return
            try:
                self._tick(now)
            except Exception:
                _log.exception("prism %s: a look at the answers failed", self.stream)
        self._call_back()

    def _tick(self, now: float, *, writing: bool = False) -> None:
        if self._closed:
            if writing:
                raise DeliveryError("the producer is closed", hint="open another one")
            return
        if self._forked:
            self._start_over()
        self._follow_topology()
        stale = self._guide.staleness()
        self._tracker.held = stale.message if stale is not None else None
        self._patrol.go_round(now)
        self._fleet.tend()
        if writing and stale is not None:
            raise stale
        # Taken here, since asking for it per record costs as much as the id; so it may be some ms old.
        self._created_ms = int(time.time() * 1000)
        self._next_tick = now + _TICK_S

    def _follow_topology(self, *, first: bool = False) -> None:
        topology = self._guide.news()
        if topology is None:
            return
        try:
            view = StreamView.of(topology, self.stream)
        except AnabranchError as error:
            if first:
                raise
            _log.warning("prism %s stays with the topology it has: %s", self.stream, error)
        else:
            # A forked child goes on as its parent does, whatever has become of a secret since that started.
            self._fleet.follow(view, strict=first and not self._forked)
        self._guide.take(topology)

    def _rest(self, waited_s: float) -> None:
        """Waits a little for room; gives up after ``max_block_s``."""
        if waited_s >= self._options.max_block_s:
            with self._lock:
                in_flight, state = self._tracker.in_flight, self._tracker.describe()
                hint = self._tracker.next_step()
            raise DeliveryError(
                f"no room for the record within {waited_s:.1f} s, with {in_flight} in flight",
                where=f"stream {self.stream} ({state})",
                hint=hint,
            )
        time.sleep(_REST_S)

    def _call_back(self) -> None:
        """Calls what is due, outside the lock, so that callbacks may take locks of their owner's."""
        if not self._callback_lock.acquire(blocking=False):
            return
        finished = self._tracker.finished
        try:
            while finished:
                on_done, delivery = finished.popleft()
                try:
                    on_done(delivery)
                except Exception:
                    _log.exception("prism %s: an on_done callback failed", self.stream)
        finally:
            self._callback_lock.release()

    def _start_over(self) -> None:
        """In a forked child: the threads are gone, and what is in flight is the parent's."""
        self._guide = self._guide.again()
        self._open()
        self._forked = False

    def _forget(self) -> None:
        """Called in the child right after a fork, while it has one thread."""
        self._forked = True
        self._lock = threading.RLock()
        self._callback_lock = threading.RLock()
        self._next_tick = 0.0
        self._fleet.abandon()


_producers: weakref.WeakSet[PrismProducer] = weakref.WeakSet()


# Clients that are garbage by the time of a fork must not be collected in the child: to free one takes its
# threads, which only the parent has. So nothing is collected from before the fork until they are set aside.
_collects = True
# From before a fork to behind it, on both sides: of two forks at once the second would find it paused.
_forking = threading.RLock()


def _pause_collection() -> None:
    global _collects
    _forking.acquire()
    _collects = gc.isenabled()
    gc.disable()


def _resume_collection() -> None:
    if _collects:
        gc.enable()
    _forking.release()


def _forget_all() -> None:
    gc.freeze()
    _resume_collection()
    for producer in list(_producers):
        producer._forget()


os.register_at_fork(before=_pause_collection, after_in_parent=_resume_collection, after_in_child=_forget_all)
