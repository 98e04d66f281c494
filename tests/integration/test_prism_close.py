"""A Python Prism that is closed while a primary, or all of them, fail: its input ends just then.

As ``PrismEndOfInputTest`` for the sink: ``close`` returns when every record is written, and not before.
"""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AclOperation

from anabranch.connectors import PrismProducer
from anabranch.devkit.faulty_link import FaultyLink
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.service import ServiceState
from tests.integration.broker_rules import AUTHORIZER, admin_of, allow, forbid, limit_batches
from tests.integration.prism_ledger import Ledger, acked, await_true, send_until
from tests.integration.quotas import limit_writers

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = [pytest.mark.brokers, pytest.mark.long]

Fault = Callable[["StreamHandle", FaultyLink], AbstractContextManager[None]]
FAULTS: list[Fault] = []


def fault(begin_and_end: Callable[[StreamHandle, FaultyLink], Iterator[None]]) -> None:
    """Something that happens to primary a, or to both; how it begins, and how it ends."""
    FAULTS.append(contextmanager(begin_and_end))


@fault
def killed(stream: StreamHandle, _: FaultyLink) -> Iterator[None]:
    stream.loop.broker("a").kill()
    try:
        yield
    finally:
        stream.loop.broker("a").restart()


@fault
def paused(stream: StreamHandle, _: FaultyLink) -> Iterator[None]:
    stream.loop.broker("a").pause()
    try:
        yield
    finally:
        stream.loop.broker("a").resume()


@fault
def black_hole(_: StreamHandle, link: FaultyLink) -> Iterator[None]:
    link.silence()
    yield


@fault
def answers_lost(_: StreamHandle, link: FaultyLink) -> Iterator[None]:
    link.silence(answers_only=True)
    yield


@fault
def slow(_: StreamHandle, link: FaultyLink) -> Iterator[None]:
    link.slow(2.0)
    yield


@fault
def throttled(stream: StreamHandle, _: FaultyLink) -> Iterator[None]:
    a = stream.loop.broker("a").bootstrap
    limit_writers(a, 200.0)
    try:
        yield
    finally:
        limit_writers(a, None)


@fault
def forbidden(stream: StreamHandle, _: FaultyLink) -> Iterator[None]:
    a = stream.loop.broker("a")
    forbid(a, stream.name, AclOperation.WRITE)
    try:
        yield
    finally:
        allow(a, stream.name, AclOperation.WRITE)


@fault
def too_large_for_one(stream: StreamHandle, _: FaultyLink) -> Iterator[None]:
    limit_batches(stream.loop.broker("a"), stream.name, 1)
    yield


@fault
def disk_full(stream: StreamHandle, _: FaultyLink) -> Iterator[None]:
    a = stream.loop.broker("a")
    assert a.ref is not None
    # What it has is beyond that already, and a broker takes any error of a write alike.
    resource.prlimit(a.ref.pid, resource.RLIMIT_FSIZE, (1_000, 1_000))
    try:
        yield
    finally:
        await_true(lambda: a.state is not ServiceState.UP)
        a.restart()


@fault
def flapping(_: StreamHandle, link: FaultyLink) -> Iterator[None]:
    over = threading.Event()

    def flap() -> None:
        while not over.is_set():
            link.cut()
            over.wait(2.0)
            link.open()
            over.wait(2.0)

    flaps = threading.Thread(target=flap, daemon=True)
    flaps.start()
    try:
        yield
    finally:
        over.set()
        flaps.join()


@fault
def all_down_for_a_while(stream: StreamHandle, link: FaultyLink) -> Iterator[None]:
    b = stream.loop.broker("b")
    link.silence()
    b.pause()
    back = threading.Timer(5.0, b.resume)
    back.start()
    try:
        yield
    finally:
        back.join()


@pytest.fixture(scope="module")
def session_loop() -> Iterator[Loop]:
    """Brokers of this module's own, of which other modules' tests notice nothing."""
    spec = LoopSpec(name=f"close-{os.getpid()}", primaries=2, streams={}, broker_properties=AUTHORIZER)
    with Loop.up(spec) as loop:
        yield loop


def troubles(producer: PrismProducer) -> int:
    """How often primary a was too late for a record, or failed it."""
    told = producer.stats().primaries["a"]
    return told.hedged + told.failed


@pytest.mark.parametrize("begin", FAULTS, ids=lambda each: each.__name__)
def test_closing_writes_every_record(make_stream: StreamMaker, link: FaultyLink, begin: Fault) -> None:
    stream = make_stream().move(a=link.bootstrap)
    brokers = {name: stream.loop.broker(name) for name in "ab"}
    ledger = Ledger()
    producer = PrismProducer(stream.topology, stream.name)
    send_until(ledger, producer, lambda: all(acked(producer, name) > 200 for name in "ab"))
    producer.flush()
    before, reason = troubles(producer), producer.stats().primaries["a"].reason
    with begin(stream, link):
        # A quota is felt only by who goes on.
        ledger.send(producer, 1_000, pause_s=0.001)
        ledger.send(producer, 3_000)
        producer.close()
        told = producer.stats().primaries["a"]
        assert troubles(producer) > before or told.reason != reason, "it has met the fault"
        assert ledger.deliveries.keys() == ledger.sent.keys(), "told of all when it returns"
        assert ledger.errors == []
    link.open()
    assert ledger.account(brokers, stream.name).keys() == ledger.sent.keys()


def test_closing_writes_every_record_though_one_primary_never_had_the_topic(stream: StreamHandle) -> None:
    admin = admin_of(stream.loop.broker("a"))
    [gone] = admin.delete_topics([stream.name]).values()
    gone.result(30)
    ledger = Ledger()
    producer = PrismProducer(stream.topology, stream.name)
    ledger.send(producer, 3_000)
    producer.close()
    assert ledger.errors == []
    places = ledger.account({"b": stream.loop.broker("b")}, stream.name)
    assert places.keys() == ledger.sent.keys()
