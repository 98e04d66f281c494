"""The Python Prism one of whose real brokers cannot be reached well, refuses its records or is full.

As ``PrismLinkTest`` and ``PrismRefusalsTest`` for the sink. Every record is accounted for, in logs that plain
consumers read past the faulty link.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AclOperation

from anabranch.connectors import PrismProducer
from anabranch.devkit.faulty_link import FaultyLink
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.service import ServiceState
from anabranch.errors import DeliveryError
from tests.integration.broker_rules import AUTHORIZER, allow, forbid, limit_batches
from tests.integration.prism_ledger import Ledger, acked, await_true, send_until, state
from tests.integration.quotas import limit_writers

if TYPE_CHECKING:
    from anabranch.connectors.ids import RecordId
    from anabranch.devkit.brokers import Broker
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = pytest.mark.brokers

NOBODY = "127.0.0.1:1"


@pytest.fixture(scope="module")
def session_loop() -> Iterator[Loop]:
    """Brokers of this module's own, of which other modules' tests notice nothing."""
    spec = LoopSpec(name=f"faults-{os.getpid()}", primaries=2, streams={}, broker_properties=AUTHORIZER)
    with Loop.up(spec) as loop:
        yield loop


@pytest.fixture
def linked(make_stream: StreamMaker, link: FaultyLink) -> StreamHandle:
    """A stream whose primary a is reached by the link."""
    return make_stream().move(a=link.bootstrap)


def both(stream: StreamHandle) -> dict[str, Broker]:
    return {name: stream.loop.broker(name) for name in "ab"}


def use_both(ledger: Ledger, producer: PrismProducer) -> None:
    send_until(
        ledger,
        producer,
        lambda: all(acked(producer, name) > 200 and state(producer, name) == "closed" for name in "ab"),
    )


def use_again(ledger: Ledger, producer: PrismProducer, name: str = "a") -> None:
    """Until it is one of those that work, and has shown it."""
    before = acked(producer, name)
    send_until(
        ledger, producer, lambda: state(producer, name) == "closed" and acked(producer, name) > before + 100
    )


def send_for(ledger: Ledger, producer: PrismProducer, time_s: float) -> None:
    end = time.monotonic() + time_s
    while time.monotonic() < end:
        ledger.send(producer, 10, pause_s=0.001)


def hedged(producer: PrismProducer, name: str = "a") -> int:
    return producer.stats().primaries[name].hedged


def all_delivered(ledger: Ledger, stream: StreamHandle) -> dict[RecordId, list[str]]:
    assert ledger.errors == []
    return ledger.account(both(stream), stream.name)


def test_a_black_hole_is_passed_over_and_used_again_when_it_ends(
    linked: StreamHandle, link: FaultyLink
) -> None:
    ledger = Ledger()
    with PrismProducer(linked.topology, linked.name, max_block_s=30) as producer:
        use_both(ledger, producer)
        link.silence()
        send_until(ledger, producer, lambda: state(producer, "a") == "open")
        ledger.send(producer, 5_000)
        producer.flush()
        assert hedged(producer) > 0
        assert producer.stats().primaries["a"].in_flight > 0, "connected still, as far as it can tell"
        link.open()
        use_again(ledger, producer)
    all_delivered(ledger, linked)
    assert any(d.ambiguous for d in ledger.deliveries.values())


def test_a_black_hole_from_the_start_is_no_hindrance(linked: StreamHandle, link: FaultyLink) -> None:
    link.silence()
    ledger = Ledger()
    with PrismProducer(linked.topology, linked.name, home="a") as producer:
        ledger.send(producer, 1_000)
        producer.flush()
        assert acked(producer, "b") == 1_000
        link.open()
        use_again(ledger, producer)
    all_delivered(ledger, linked)


@pytest.mark.long
@pytest.mark.parametrize("answers_only", [False, True], ids=["all", "answers"])
def test_a_black_hole_that_lasts_longer_than_any_client_waits_loses_nothing(
    linked: StreamHandle, link: FaultyLink, answers_only: bool
) -> None:
    ledger = Ledger()
    with PrismProducer(linked.topology, linked.name) as producer:
        use_both(ledger, producer)
        link.silence(answers_only=answers_only)
        # Requests are given up after 10 s, records after 15.
        send_for(ledger, producer, 40.0)
        producer.flush()
        assert producer.stats().primaries["a"].failed > 0, "given up"
        link.open()
        use_again(ledger, producer)
    all_delivered(ledger, linked)


def test_a_primary_that_refuses_connections_is_passed_over_and_used_again(
    linked: StreamHandle, link: FaultyLink
) -> None:
    ledger = Ledger()
    with PrismProducer(linked.topology, linked.name) as producer:
        use_both(ledger, producer)
        link.refuse()
        send_until(ledger, producer, lambda: state(producer, "a") == "open")
        send_until(ledger, producer, lambda: "refused" in producer.stats().primaries["a"].reason)
        link.open()
        use_again(ledger, producer)
    all_delivered(ledger, linked)


def test_what_reached_a_primary_whose_answers_are_lost_is_a_duplicate_of_the_same_id(
    linked: StreamHandle, link: FaultyLink
) -> None:
    ledger = Ledger()
    with PrismProducer(linked.topology, linked.name, home="a") as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 20)
        producer.flush()
        link.silence(answers_only=True)
        lost = {ledger.send_value(producer, b"lost %d" % number) for number in range(100)}
        producer.flush()
        assert {ack.primary for record_id in lost for ack in ledger.deliveries[record_id].acks} == {"b"}
        link.open()
        use_again(ledger, producer)
    places = all_delivered(ledger, linked)
    # Those that were sent while it came back may be, too.
    assert lost <= {record_id for record_id, where in places.items() if len(where) > 1}


def test_a_slow_primary_is_left_while_another_is_prompt_and_probed_without_end(
    linked: StreamHandle, link: FaultyLink
) -> None:
    ledger = Ledger()
    with PrismProducer(linked.topology, linked.name) as producer:
        use_both(ledger, producer)
        # Well above hedge_after_s, well below the client's own time-out: each answer does come.
        link.slow(2.0)
        send_until(ledger, producer, lambda: state(producer, "a") == "open")
        before, delayed = acked(producer, "a"), hedged(producer)
        ledger.send(producer, 20_000)
        producer.flush()
        assert hedged(producer) - delayed < 2_000, "of 20,000 records"
        # What it still had is acknowledged late, and brings a probe, which is late again.
        send_until(ledger, producer, lambda: acked(producer, "a") > before)
        link.open()
        use_again(ledger, producer)
        producer.flush()
        await_true(lambda: producer.stats().primaries["a"].in_flight == 0)
    places = all_delivered(ledger, linked)
    assert any(len(where) == 2 for where in places.values()), "late, and so written twice"


def test_the_last_primary_is_kept_however_slow(make_stream: StreamMaker, link: FaultyLink) -> None:
    stream = make_stream().move(a=link.bootstrap, b=NOBODY)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name) as producer:
        ledger.send(producer, 100)
        producer.flush()
        link.slow(1.5)
        ledger.send(producer, 2_000)
        producer.flush()
        assert state(producer, "a") == "closed"
    places = all_delivered(ledger, stream)
    assert all(where == ["a"] for where in places.values()), "nothing was sent twice"


def test_a_primary_that_flaps_every_two_seconds_costs_nothing(linked: StreamHandle, link: FaultyLink) -> None:
    ledger = Ledger()
    used_again = 0
    with PrismProducer(linked.topology, linked.name) as producer:
        use_both(ledger, producer)
        for _ in range(4):
            link.cut()
            send_for(ledger, producer, 2.0)
            link.open()
            before = acked(producer, "a")
            send_for(ledger, producer, 2.0)
            used_again += acked(producer, "a") > before
        use_again(ledger, producer)
    # Its back-off has grown beyond that, but it is asked whether it answers.
    assert used_again > 2, "cuts after which it was used again"
    all_delivered(ledger, linked)


def test_a_first_answer_that_comes_after_the_hedges_is_counted_once(
    make_stream: StreamMaker, link: FaultyLink
) -> None:
    stream = make_stream(partitions=1).move(a=link.bootstrap)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, home="a") as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 20)
        producer.flush()
        before = acked(producer, "a")
        link.slow(3.0)
        late = ledger.send_value(producer, b"late")
        producer.flush()
        delivery = ledger.deliveries[late]
        assert [ack.primary for ack in delivery.acks] == ["b"]
        assert delivery.ambiguous
        assert delivery.attempts == 2
        assert acked(producer, "a") == before, "it has yet to answer"
        await_true(lambda: acked(producer, "a") == before + 1)
        assert state(producer, "a") == "half-open", "alive, but to be probed"
    places = all_delivered(ledger, stream)
    assert sorted(places[late]) == ["a", "b"]


def test_two_copies_wait_for_a_black_hole_and_are_on_both_when_it_ends(
    make_stream: StreamMaker, link: FaultyLink
) -> None:
    stream = make_stream(copies=2).move(a=link.bootstrap)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=60) as producer:
        ledger.send(producer, 500)
        producer.flush()
        link.silence()
        ledger.send(producer, 1)
        assert producer.flush(2.0) == 1
        link.open()
        producer.flush()
    assert ledger.errors == []
    places = ledger.account(both(stream), stream.name, copies=2)
    assert all(set(where) == {"a", "b"} for where in places.values())


def test_two_copies_go_on_though_one_of_two_primaries_is_slow(
    make_stream: StreamMaker, link: FaultyLink
) -> None:
    stream = make_stream(copies=2).move(a=link.bootstrap)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=20) as producer:
        ledger.send(producer, 500)
        producer.flush()
        link.slow(1.5)
        ledger.send(producer, 3_000)
        producer.flush()
        assert state(producer, "a") == "closed"
    assert ledger.errors == []
    places = ledger.account(both(stream), stream.name, copies=2)
    assert all(sorted(where) == ["a", "b"] for where in places.values())


def test_a_primary_that_throttles_it_loses_records_to_others(stream: StreamHandle) -> None:
    ledger = Ledger()
    a = stream.loop.broker("a").bootstrap
    with PrismProducer(stream.topology, stream.name, home="a") as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 50)
        limit_writers(a, 200.0)
        try:
            send_until(ledger, producer, lambda: state(producer, "a") == "open")
            before = hedged(producer)
            ledger.send(producer, 5_000)
            producer.flush()
            assert hedged(producer) - before < 500, "only probes are delayed"
        finally:
            limit_writers(a, None)
        use_again(ledger, producer)
    all_delivered(ledger, stream)


def test_a_record_too_large_for_one_primary_goes_to_the_other(stream: StreamHandle) -> None:
    limit_batches(stream.loop.broker("a"), stream.name, 10_000)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, home="a") as producer:
        ledger.send(producer, 50)
        producer.flush()
        # Random, since it is the compressed size that counts.
        large = {ledger.send_value(producer, os.urandom(20_000)) for _ in range(3)}
        ledger.send(producer, 50)
        producer.flush()
        assert {name: state(producer, name) for name in "ab"} == {"a": "closed", "b": "closed"}
        before = acked(producer, "a")
        ledger.send(producer, 50)
        producer.flush()
        assert acked(producer, "a") == before + 50, "it is home still"
    places = all_delivered(ledger, stream)
    assert {record_id: places[record_id] for record_id in large} == {record_id: ["b"] for record_id in large}
    assert not any(d.ambiguous for d in ledger.deliveries.values())


def test_small_records_fit_a_topic_that_takes_less_than_a_full_batch(stream: StreamHandle) -> None:
    for broker in both(stream).values():
        limit_batches(broker, stream.name, 50_000)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name) as producer:

        def failures_of_a_burst() -> int:
            before = sum(each.failed for each in producer.stats().primaries.values())
            for _ in range(5_000):
                ledger.send_value(producer, os.urandom(200))
            producer.flush()
            return sum(each.failed for each in producer.stats().primaries.values()) - before

        assert failures_of_a_burst() > 0, "all went in batches that they took"
        large = ledger.send_value(producer, os.urandom(60_000))
        await_true(lambda: failures_of_a_burst() == 0)
        use_both(ledger, producer)
    [error] = ledger.errors
    assert ledger.deliveries[large].error is error
    assert not error.retryable
    places = ledger.account(both(stream), stream.name)
    assert places.keys() == ledger.sent.keys() - {large}


@pytest.mark.parametrize("operation", [AclOperation.WRITE, AclOperation.DESCRIBE], ids=["write", "describe"])
def test_a_primary_that_forbids_it_is_passed_over_until_it_allows_it(
    stream: StreamHandle, operation: AclOperation
) -> None:
    a = stream.loop.broker("a")
    forbid(a, stream.name, operation)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, home="a") as producer:
        send_until(ledger, producer, lambda: len(ledger.sent) >= 500 and state(producer, "a") == "open")
        producer.flush()
        assert acked(producer, "a") == 0
        assert "uthorization" in producer.stats().primaries["a"].reason
        assert not any(d.ambiguous for d in ledger.deliveries.values())
        allow(a, stream.name, operation)
        use_again(ledger, producer)
    all_delivered(ledger, stream)


def test_where_no_other_is_left_the_error_names_the_permission(stream: StreamHandle) -> None:
    a = stream.loop.broker("a")
    forbid(a, stream.name, AclOperation.WRITE)
    [group] = stream.document["groups"].values()
    group["primaries"]["b"]["state"] = "draining"
    stream.publish()
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=5) as producer:
        ledger.send(producer, 1)
        producer.flush()
    [delivery] = ledger.deliveries.values()
    assert isinstance(delivery.error, DeliveryError)
    assert "a: down since" in str(delivery.error)
    assert "uthorization" in str(delivery.error)
    assert not delivery.ambiguous
    allow(a, stream.name, AclOperation.WRITE)
    assert ledger.account(both(stream), stream.name) == {}


def test_a_primary_whose_disk_is_full_dies_and_is_used_again_when_it_has_room(stream: StreamHandle) -> None:
    a = stream.loop.broker("a")
    assert a.ref is not None
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, home="a") as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 50)
        # None of its files grows beyond that: a broker takes any error of a write alike.
        resource.prlimit(a.ref.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
        deadline = time.monotonic() + 60
        while a.state is ServiceState.UP:
            assert time.monotonic() < deadline, "it lives on"
            # Its segment has to get there.
            ledger.send_value(producer, os.urandom(1_000))
        ledger.send(producer, 1_000)
        producer.flush()
        a.restart()
        use_again(ledger, producer)
    all_delivered(ledger, stream)
