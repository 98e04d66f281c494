"""Prism over simulated primaries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from anabranch.connectors import Delivery, PrismProducer
from anabranch.connectors.prism.simulated import SimulatedPrimaries
from anabranch.topology import Topology


def topology(*names: str, copies: int = 1, generation: int = 1, **states: str) -> Topology:
    primaries = {name: {"bootstrap": [f"{name}:9092"], "state": states.get(name, "active")} for name in names}
    stream = {"partitions": 1, "copies": copies}
    return Topology.model_validate(
        {"generation": generation, "groups": {"g": {"primaries": primaries, "streams": {"s": stream}}}}
    )


@pytest.fixture
def primaries() -> SimulatedPrimaries:
    return SimulatedPrimaries()


@pytest.fixture
def producer(primaries: SimulatedPrimaries) -> Iterator[PrismProducer]:
    with PrismProducer(topology("a", "b"), "s", transports=primaries, hedge_after_s=0.1) as made:
        yield made


def send(producer: PrismProducer, count: int) -> list[Delivery]:
    """Sends and waits until all are done."""
    deliveries: list[Delivery] = []
    for number in range(count):
        producer.send(b"%d" % number, on_done=deliveries.append)
    producer.flush()
    assert len(deliveries) == count
    return deliveries


def await_true(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)


def test_primaries_take_turns(producer: PrismProducer, primaries: SimulatedPrimaries) -> None:
    deliveries = send(producer, 100)
    assert len(primaries["a"].log) == len(primaries["b"].log) == 50
    assert all(d.error is None and d.attempts == 1 and not d.ambiguous for d in deliveries)
    assert len({d.id for d in deliveries}) == 100


def test_the_others_take_over_from_a_dead_primary(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    send(producer, 10)
    primaries["a"].stop()
    deliveries = send(producer, 100)
    assert all(d.error is None and d.acks[-1].primary == "b" for d in deliveries)
    assert producer.stats().primaries["a"].state == "open"
    assert producer.stats().primaries["a"].reason == "connection refused"
