"""Prism over simulated primaries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch.connectors import Delivery, PrismProducer
from anabranch.connectors.prism.simulated import SimulatedPrimaries
from anabranch.connectors.prism.transport import Failure, FailureKind
from anabranch.errors import ConfigurationError, DeliveryError, UnavailableError
from anabranch.topology import Topology, dump_topology


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


def test_a_paused_primary_is_hedged_and_what_it_wrote_is_a_duplicate_with_the_same_id(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    send(producer, 10)
    primaries["a"].pause(writing=True)
    deliveries = send(producer, 20)
    assert all(d.error is None for d in deliveries)
    hedged = [d for d in deliveries if d.attempts > 1]
    assert hedged
    assert all(d.ambiguous and [ack.primary for ack in d.acks] == ["b"] for d in hedged)
    in_a = {record.id for record in primaries["a"].log}
    in_b = {record.id for record in primaries["b"].log}
    assert {d.id for d in hedged} <= in_a & in_b
    assert producer.stats().primaries["a"].hedged >= len(hedged)
    assert producer.stats().ambiguous == len(hedged)


def test_every_attempt_carries_the_same_record(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    primaries["a"].pause(writing=True)
    primaries["b"].pause(writing=True)
    producer.send(b"v", key=b"k", headers=[("colour", b"red")])
    await_true(lambda: sum(p.hedged for p in producer.stats().primaries.values()) > 0)
    primaries["a"].go_on()
    primaries["b"].go_on()
    producer.flush()
    records = primaries["a"].log + primaries["b"].log
    assert len(records) == 2
    assert records[0] == records[1]
    assert records[0].headers[1:] == (("colour", b"red"),)
    assert abs(records[0].timestamp_ms - time.time() * 1000) < 60_000


def test_a_primary_that_is_back_is_used_again(producer: PrismProducer, primaries: SimulatedPrimaries) -> None:
    send(producer, 10)
    primaries["a"].stop()
    send(producer, 10)
    assert producer.stats().primaries["a"].state == "open"
    primaries["a"].go_on()

    def used_again() -> bool:
        send(producer, 1)
        return producer.stats().primaries["a"].state == "closed"

    await_true(used_again)
    before = len(primaries["a"].log)
    send(producer, 10)
    assert len(primaries["a"].log) == before + 5


def test_a_late_acknowledgement_closes_the_breaker(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    send(producer, 4)
    primaries["a"].pause()
    send(producer, 10)
    assert producer.stats().primaries["a"].state == "open"
    primaries["a"].go_on()
    await_true(lambda: producer.stats().primaries["a"].state == "closed", limit_s=0.9)


def test_home_is_preferred_while_it_works(primaries: SimulatedPrimaries) -> None:
    with PrismProducer(topology("a", "b", "c"), "s", transports=primaries, home="b") as producer:
        send(producer, 30)
        assert [len(primaries[name].log) for name in "abc"] == [0, 30, 0]
        primaries["b"].stop()
        send(producer, 30)
        assert len(primaries["a"].log) + len(primaries["c"].log) == 30
        assert min(len(primaries["a"].log), len(primaries["c"].log)) >= 10


def test_weights_share_records_out(primaries: SimulatedPrimaries) -> None:
    with PrismProducer(topology("a", "b"), "s", transports=primaries, weights={"a": 3}) as producer:
        send(producer, 400)
    assert len(primaries["a"].log) == 300


def test_copies_waits_for_two_primaries(primaries: SimulatedPrimaries) -> None:
    with PrismProducer(topology("a", "b", "c", copies=2), "s", transports=primaries) as producer:
        deliveries = send(producer, 30)
        assert all(len({ack.primary for ack in d.acks}) == 2 for d in deliveries)
        assert not any(d.ambiguous for d in deliveries)
        primaries["c"].stop()
        deliveries = send(producer, 30)
        assert all({ack.primary for ack in d.acks} == {"a", "b"} for d in deliveries)


def test_copies_are_not_faked_while_one_primary_is_left(primaries: SimulatedPrimaries) -> None:
    deliveries: list[Delivery] = []
    with PrismProducer(
        topology("a", "b", copies=2), "s", transports=primaries, hedge_after_s=0.1
    ) as producer:
        send(producer, 2)
        primaries["b"].stop()
        producer.send(b"x", on_done=deliveries.append)
        assert producer.flush(0.5) == 1
        assert deliveries == []
        primaries["b"].go_on()
        producer.flush()
        assert {ack.primary for ack in deliveries[0].acks} == {"a", "b"}


def test_all_down_blocks_send_and_then_names_each_primary(primaries: SimulatedPrimaries) -> None:
    primaries["a"].stop()
    primaries["b"].stop()
    failed: list[Delivery] = []
    producer = PrismProducer(topology("a", "b"), "s", transports=primaries, max_block_s=0.5)

    def send_on() -> None:
        for _ in range(100):
            producer.send(b"x", on_done=failed.append)

    with pytest.raises(DeliveryError) as raised:
        send_on()
    assert "a: down since" in str(raised.value)
    assert "b: down since" in str(raised.value)
    assert "connection refused" in str(raised.value)
    assert raised.value.retryable
    producer.close()
    assert all(d.error is not None for d in failed)


def test_all_down_then_back_loses_nothing(producer: PrismProducer, primaries: SimulatedPrimaries) -> None:
    send(producer, 10)
    primaries["a"].stop()
    primaries["b"].stop()

    def both_return() -> None:
        for name in "ab":
            primaries[name].go_on()

    timer = threading.Timer(0.5, both_return)
    timer.start()
    deliveries = send(producer, 100)
    timer.join()
    assert all(d.error is None for d in deliveries)
    written = {record.id for name in "ab" for record in primaries[name].log}
    assert {d.id for d in deliveries} <= written


def test_what_is_in_flight_when_all_go_down_fails_after_max_block(primaries: SimulatedPrimaries) -> None:
    with PrismProducer(
        topology("a", "b"), "s", transports=primaries, max_block_s=0.6, hedge_after_s=0.1
    ) as producer:
        send(producer, 2)
        primaries["a"].pause(writing=False)
        primaries["b"].pause(writing=False)
        failed: list[Delivery] = []
        producer.send(b"x", on_done=failed.append)
        await_true(lambda: bool(failed))
        assert failed[0].error is not None
        assert failed[0].ambiguous
        assert failed[0].acks == ()
        assert producer.stats().failed == 1


def test_in_flight_is_bounded_in_records_and_bytes(primaries: SimulatedPrimaries) -> None:
    primaries["a"].pause(writing=False)
    with PrismProducer(
        topology("a"), "s", transports=primaries, max_in_flight_records=5, max_block_s=0.4, hedge_after_s=0.3
    ) as producer:
        for _ in range(5):
            producer.send(b"x")
        with pytest.raises(DeliveryError, match="no room"):
            producer.send(b"x")
        primaries["a"].go_on()
        producer.flush()
    with PrismProducer(
        topology("b"), "s", transports=primaries, max_in_flight_bytes=100, max_block_s=0.4, hedge_after_s=0.3
    ) as producer:
        primaries["b"].pause(writing=False)
        producer.send(b"x" * 60, key=b"k" * 40)
        with pytest.raises(DeliveryError, match="no room"):
            producer.send(b"x")
        primaries["b"].go_on()


@pytest.mark.parametrize("limit", ["max_bytes", "client_max_bytes"])
def test_a_record_that_is_too_large_fails_alone_and_at_once(
    producer: PrismProducer, primaries: SimulatedPrimaries, limit: str
) -> None:
    send(producer, 4)
    for name in "ab":
        setattr(primaries[name], limit, 100)
    deliveries: list[Delivery] = []
    producer.send(b"x" * 101, on_done=deliveries.append)
    producer.send(b"small", on_done=deliveries.append)
    producer.flush()
    by_error = sorted(deliveries, key=lambda d: d.error is None)
    assert by_error[0].error is not None
    assert not by_error[0].error.retryable
    assert not by_error[0].ambiguous
    assert "too large" in str(by_error[0].error)
    assert by_error[1].error is None
    assert all(p.state == "closed" for p in producer.stats().primaries.values())


def test_a_record_that_is_too_large_for_one_primary_goes_to_another(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    primaries["a"].max_bytes = 100
    deliveries: list[Delivery] = []
    for _ in range(10):
        producer.send(b"x" * 101, on_done=deliveries.append)
    producer.flush()
    assert all(d.error is None and d.acks[0].primary == "b" for d in deliveries)


def test_a_failure_without_a_callback_comes_out_of_flush(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    primaries["a"].client_max_bytes = primaries["b"].client_max_bytes = 10
    producer.send(b"x" * 11)
    with pytest.raises(DeliveryError, match="too large"):
        producer.flush()
    assert producer.flush() == 0


def test_a_primary_without_the_topic_or_the_right_is_left_out_with_its_reason(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    primaries["a"].error = Failure(FailureKind.NOT_WRITTEN, "Broker: Topic authorization failed")
    deliveries = send(producer, 50)
    assert all(d.error is None and d.acks[0].primary == "b" and not d.ambiguous for d in deliveries)
    stats = producer.stats().primaries["a"]
    assert (stats.state, stats.reason) == ("open", "Broker: Topic authorization failed")


def test_a_producer_in_a_fatal_state_is_made_anew(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    send(producer, 4)
    primaries.transports[0][1].fatal = True
    deliveries = send(producer, 20)
    assert all(d.error is None for d in deliveries)
    assert [name for name, _ in primaries.transports] == ["a", "b", "a"]
    assert primaries.transports[0][1].closed

    def used_again() -> bool:
        send(producer, 1)
        return producer.stats().primaries["a"].state == "closed"

    await_true(used_again)


def test_a_drained_primary_gets_nothing_more_and_a_new_one_does(
    primaries: SimulatedPrimaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "topology.yaml"
    path.write_text(dump_topology(topology("a", "b")))
    with PrismProducer(str(path), "s", transports=primaries, topology_interval_s=0.05) as producer:
        send(producer, 10)
        path.write_text(dump_topology(topology("a", "b", "c", generation=2, a="draining")))
        await_true(lambda: "c" in producer.stats().primaries)
        before = len(primaries["a"].log)
        send(producer, 10)
        assert len(primaries["a"].log) == before
        assert len(primaries["c"].log) == 5
        await_true(lambda: "a" not in producer.stats().primaries)
        assert primaries.transports[0][1].closed


def test_a_moved_primary_gets_a_new_client(
    primaries: SimulatedPrimaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "topology.yaml"
    path.write_text(dump_topology(topology("a", "b")))
    with PrismProducer(str(path), "s", transports=primaries, topology_interval_s=0.05) as producer:
        send(producer, 10)
        moved = topology("a", "b", generation=2).model_dump(mode="json")
        moved["groups"]["g"]["primaries"]["b"]["bootstrap"] = ["elsewhere:9092"]
        path.write_text(dump_topology(Topology.model_validate(moved)))
        await_true(lambda: len(primaries.transports) == 3)
        assert [name for name, _ in primaries.transports] == ["a", "b", "b"]
        assert all(d.error is None for d in send(producer, 10))


def test_writers_refuse_a_topology_that_nobody_confirmed_for_too_long(
    primaries: SimulatedPrimaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "topology.yaml"
    path.write_text(dump_topology(topology("a")))
    with PrismProducer(
        str(path), "s", transports=primaries, topology_interval_s=0.05, max_stale_s=0.5
    ) as producer:
        send(producer, 1)
        path.unlink()

        def refused() -> bool:
            try:
                producer.send(b"x")
            except UnavailableError as error:
                return "last confirmed" in str(error)
            return False

        await_true(refused)
        path.write_text(dump_topology(topology("a")))
        await_true(lambda: not refused())


def test_an_owner_that_is_elsewhere_is_hedged_and_called_back_all_the_same(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    send(producer, 4)
    primaries["a"].pause()
    deliveries: list[Delivery] = []
    producer.send(b"1", on_done=deliveries.append)
    producer.send(b"2", on_done=deliveries.append)
    await_true(lambda: len(deliveries) == 2)


def test_a_callback_may_send_and_a_failing_one_hurts_nobody(
    producer: PrismProducer, primaries: SimulatedPrimaries, caplog: pytest.LogCaptureFixture
) -> None:
    second: list[Delivery] = []

    def chain(delivery: Delivery) -> None:
        producer.send(b"second", on_done=second.append)
        raise RuntimeError("mine")

    producer.send(b"first", on_done=chain)
    await_true(lambda: len(second) == 1)
    assert second[0].error is None
    assert "on_done callback failed" in caplog.text


def test_threads_share_a_producer(producer: PrismProducer, primaries: SimulatedPrimaries) -> None:
    deliveries: list[Delivery] = []

    def work() -> None:
        for _ in range(2_000):
            producer.send(b"x", on_done=deliveries.append)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    producer.flush()
    assert len({d.id for d in deliveries}) == 8_000
    assert sum(len(primaries[name].log) for name in "ab") == 8_000


def test_a_closed_producer_refuses(primaries: SimulatedPrimaries) -> None:
    producer = PrismProducer(topology("a"), "s", transports=primaries)
    producer.close()
    producer.close()
    with pytest.raises(DeliveryError, match="closed"):
        producer.send(b"x")


def test_closing_fails_what_nobody_acknowledged(primaries: SimulatedPrimaries) -> None:
    primaries["a"].pause()
    producer = PrismProducer(topology("a"), "s", transports=primaries)
    deliveries: list[Delivery] = []
    producer.send(b"x", on_done=deliveries.append)
    producer.close(timeout_s=0.05)
    assert len(deliveries) == 1
    assert deliveries[0].error is not None
    assert deliveries[0].ambiguous


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"home": "z"}, "home primary 'z'"),
        ({"hedge_after_s": 0.01}, "linger"),
        ({"max_in_flight_records": 0}, "max_in_flight_records"),
        ({"weights": {"a": 0}}, "weights"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    primaries: SimulatedPrimaries, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        PrismProducer(topology("a", "b"), "s", transports=primaries, **settings)
