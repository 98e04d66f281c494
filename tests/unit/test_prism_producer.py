"""Prism over simulated primaries: threads, waiting, callbacks. Who gets a record: ``test_prism_cases``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch.connectors import Delivery, PrismProducer
from anabranch.connectors.prism.simulated import SimulatedPrimaries, SimulatedTransport
from anabranch.connectors.prism.transport import Failure, FailureKind, Trouble
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


def test_all_down_blocks_send_and_then_names_each_primary(primaries: SimulatedPrimaries) -> None:
    primaries["a"].stop()
    primaries["b"].stop()
    failed: list[Delivery] = []
    producer = PrismProducer(
        topology("a", "b"), "s", transports=primaries, max_block_s=0.5, hedge_after_s=0.1
    )

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


def test_what_is_wrong_is_told_rather_than_that_there_is_no_answer(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    def reason() -> str:
        return producer.stats().primaries["a"].reason

    primaries["a"].stop()
    await_true(lambda: reason() == "connection refused")
    primaries["a"].trouble = Trouble("no answer", unreachable=True, vague=True)
    await_true(lambda: primaries["a"].trouble is None)
    producer.flush()
    assert reason() == "connection refused"


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


def test_send_waits_for_room(primaries: SimulatedPrimaries) -> None:
    with PrismProducer(topology("a"), "s", transports=primaries, max_in_flight_records=5) as producer:
        send(producer, 1)
        primaries["a"].pause()
        for _ in range(5):
            producer.send(b"x")
        timer = threading.Timer(0.2, primaries["a"].go_on)
        timer.start()
        started = time.monotonic()
        producer.send(b"x")
        assert time.monotonic() - started >= 0.19
        timer.join()


def test_a_failure_without_a_callback_comes_out_of_flush(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    primaries["a"].client_max_bytes = primaries["b"].client_max_bytes = 10
    producer.send(b"x" * 11)
    with pytest.raises(DeliveryError, match="too large"):
        producer.flush()
    assert producer.flush() == 0


def test_records_of_a_batch_that_is_refused_whole_are_tried_again_until_they_are_taken(
    producer: PrismProducer, primaries: SimulatedPrimaries
) -> None:
    send(producer, 4)
    for name in "ab":
        primaries[name].error = Failure(FailureKind.BATCH, "message size too large")
    deliveries: list[Delivery] = []
    for _ in range(4):
        producer.send(b"x", on_done=deliveries.append)
    await_true(lambda: sum(each.failed for each in producer.stats().primaries.values()) > 40)
    assert deliveries == []
    assert {each.state for each in producer.stats().primaries.values()} == {"closed"}
    for name in "ab":
        primaries[name].error = None
    producer.flush()
    assert [(d.error, d.ambiguous) for d in deliveries] == [(None, False)] * 4


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


def test_renewed_secrets_are_read_when_a_primary_that_is_down_is_probed(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("old")
    document = topology("a", "b").model_dump(mode="json")
    document["groups"]["g"]["primaries"]["a"]["auth"] = {
        "type": "plain",
        "username": "alice",
        "password": f"file:{password}",
    }
    primaries, passwords = SimulatedPrimaries(), []

    def transports(name: str, client: dict[str, str], topic: str) -> SimulatedTransport:
        if name == "a":
            passwords.append(client["sasl.password"])
        return primaries(name, client, topic)

    with PrismProducer(Topology.model_validate(document), "s", transports=transports) as producer:
        send(producer, 10)
        primaries["a"].stop()
        send(producer, 10)
        await_true(lambda: producer.stats().primaries["a"].state == "open")
        await_true(lambda: producer.stats().primaries["a"].state == "half-open")
        assert passwords == ["old"], "nothing is renewed"
        password.write_text("new")
        await_true(lambda: bool(send(producer, 1)) and passwords == ["old", "new"])
        primaries["a"].go_on()
        before = len(primaries["a"].log)
        await_true(lambda: bool(send(producer, 10)) and len(primaries["a"].log) > before + 10)


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


def test_each_record_that_does_with_fewer_copies_is_told_and_counted(
    primaries: SimulatedPrimaries, caplog: pytest.LogCaptureFixture
) -> None:
    two = topology("a", "b", copies=2)
    with PrismProducer(two, "s", transports=primaries, degrade_after_s=0.2) as producer:
        assert not any(each.degraded for each in send(producer, 1))
        primaries["b"].stop()
        told = send(producer, 2)
        assert [(each.degraded, each.copies, [ack.primary for ack in each.acks]) for each in told] == [
            (True, 2, ["a"])
        ] * 2
        assert not caplog.messages[1:], "those with a callback are told by it"
        producer.send(b"x")
        producer.flush()
        assert producer.stats().degraded == 3
        assert producer.stats().failed == 0
    [listed] = [text for text in caplog.messages if "fewer copies" in text]
    assert "acks=(Ack(primary='a', partition=0, offset=3),) of 2" in listed


def test_it_starts_again_where_the_copies_have_been_lowered_to_one_meanwhile(
    primaries: SimulatedPrimaries, caplog: pytest.LogCaptureFixture
) -> None:
    with PrismProducer(
        topology("a", "b", copies=2), "s", transports=primaries, degrade_after_s=50
    ) as producer:
        send(producer, 1)
    assert "degrade_after_s" not in caplog.text
    with PrismProducer(topology("a", "b"), "s", transports=primaries, degrade_after_s=50) as producer:
        [told] = send(producer, 1)
    assert (told.degraded, told.copies) == (False, 1)
    assert caplog.text.count("degrade_after_s (produce: --degrade-after) does nothing") == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"home": "z"}, "home primary 'z'"),
        ({"hedge_after_s": 0.01}, "linger"),
        ({"hedge_after_s": 60.0}, "below max_block_s"),
        ({"degrade_after_s": 0.0}, "degrade_after_s must be above 0"),
        ({"degrade_after_s": 60.0}, "degrade_after_s=60 is not below max_block_s=60"),
        ({"max_stale_s": 0.0}, "max_stale_s"),
        ({"max_in_flight_records": 0}, "max_in_flight_records"),
        ({"weights": {"a": 0}}, "weights"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    primaries: SimulatedPrimaries, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        PrismProducer(topology("a", "b"), "s", transports=primaries, **settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acks", "1"),
        ("request.required.acks", 0),
        ("default.topic.config", {"acks": 1}),
        ("enable.idempotence", False),
        ("transactional.id", "t"),
        ("bootstrap.servers", "elsewhere:9092"),
        ("metadata.broker.list", "elsewhere:9092"),
        ("on_delivery", print),
        ("delivery.report.only.error", True),
        ("error_cb", print),
    ],
)
def test_client_settings_that_the_promises_rest_on_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=rf"config\['{name}'\] cannot be set: "):
        PrismProducer(topology("a"), "s", transports=SimulatedPrimaries(), config={name: value})


def test_other_client_settings_are_taken(primaries: SimulatedPrimaries) -> None:
    with PrismProducer(topology("a"), "s", transports=primaries, config={"linger.ms": 5}) as producer:
        send(producer, 1)
