"""Primaries whose client cannot be made: a secret is missing, a certificate is only half written."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch.connectors import Delivery, PrismProducer
from anabranch.connectors.prism.confluent import ConfluentTransportFactory
from anabranch.connectors.prism.simulated import SimulatedPrimaries, SimulatedTransport
from anabranch.connectors.prism.transport import Transport, TransportFactory
from anabranch.devkit.certificates import Authority
from anabranch.errors import ConfigurationError, DeliveryError
from anabranch.topology import Topology, dump_topology
from tests.unit.test_prism_producer import await_true, send

Primaries = dict[str, dict[str, Any]]


class Document:
    """A topology document in a file; it begins with the primaries a and b, without auth."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.path = str(path)
        self.generation = 0
        self.publish({})

    def publish(self, changes: Primaries, copies: int = 1) -> None:
        """Writes the next generation: each primary as at first, but for these changes."""
        self.generation += 1
        primaries = {
            name: {"bootstrap": [f"{name}:9092"], **changes.get(name, {})} for name in ["a", "b", *changes]
        }
        group = {"primaries": primaries, "streams": {"s": {"partitions": 1, "copies": copies}}}
        topology = Topology.model_validate({"generation": self.generation, "groups": {"g": group}})
        self._path.with_suffix(".new").write_text(dump_topology(topology))
        self._path.with_suffix(".new").replace(self._path)


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Document:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Document(tmp_path / "topology.yaml")


@pytest.fixture
def primaries() -> SimulatedPrimaries:
    return SimulatedPrimaries()


@pytest.fixture
def producer(document: Document, primaries: SimulatedPrimaries) -> Iterator[PrismProducer]:
    with opened(document, primaries) as made:
        yield made


def opened(document: Document, transports: TransportFactory, **settings: Any) -> PrismProducer:
    return PrismProducer(document.path, "s", transports=transports, topology_interval_s=0.05, **settings)


def login(password: Path) -> dict[str, Any]:
    auth = {"type": "scram", "username": "u", "password": f"file:{password}", "tls": False}
    return {"auth": auth}


def reason(producer: PrismProducer, name: str) -> str:
    return producer.stats().primaries[name].reason


def await_unmade(producer: PrismProducer, name: str, why: str) -> None:
    def unmade() -> bool:
        stats = producer.stats().primaries
        return name in stats and (stats[name].state, why in stats[name].reason) == ("open", True)

    await_true(unmade)
    assert "its client cannot be made: " in reason(producer, name)


def written(primaries: SimulatedPrimaries) -> dict[str, int]:
    return {name: len(primaries[name].log) for name in "abc"}


def test_a_drained_primary_gets_nothing_more_though_the_secret_of_a_new_one_is_missing(
    document: Document,
    producer: PrismProducer,
    primaries: SimulatedPrimaries,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    send(producer, 10)
    document.publish({"b": {"state": "draining"}, "c": login(tmp_path / "password")})
    await_unmade(producer, "c", f"password of the primary at c:9092: file:{tmp_path}/password")
    before = written(primaries)
    assert all(each.error is None for each in send(producer, 10))
    assert written(primaries) == {**before, "a": before["a"] + 10}
    # It is tried again, and told once.
    await_true(lambda: producer._fleet.links["c"].breaker._cool_off_s >= 4)
    assert [text for text in caplog.messages if "primary c takes no records" in text] == [
        f"primary c takes no records: {reason(producer, 'c')}"
    ]
    (tmp_path / "password").write_text("secret")
    await_true(lambda: bool(send(producer, 1)) and len(primaries["c"].log) > 5)
    assert len(primaries["b"].log) == before["b"]
    assert producer.stats().primaries["c"].state == "closed"


def test_a_drained_primary_gets_nothing_more_though_a_certificate_is_half_written(
    document: Document, primaries: SimulatedPrimaries, tmp_path: Path
) -> None:
    certificate, key = Authority.create(tmp_path / "authority").issue("c")
    whole = certificate.read_text()
    certificate.write_text(whole[:100])
    real = ConfluentTransportFactory()

    def transports(name: str, client: dict[str, str], topic: str) -> Transport:
        return (real if name == "c" else primaries)(name, client, topic)

    with opened(document, transports) as producer:
        send(producer, 10)
        auth = {"type": "mtls", "certificate": f"file:{certificate}", "key": f"file:{key}"}
        document.publish({"b": {"state": "draining"}, "c": {"bootstrap": ["127.0.0.1:1"], "auth": auth}})
        await_unmade(producer, "c", "Failed to create producer: ssl.certificate.location failed")
        before = written(primaries)
        assert all(each.error is None for each in send(producer, 10))
        assert written(primaries) == {**before, "a": before["a"] + 10}
        certificate.write_text(whole)
        await_true(lambda: "onnect" in reason(producer, "c"))


def test_a_moved_primary_without_its_secret_gets_nothing_where_it_was(
    document: Document, producer: PrismProducer, primaries: SimulatedPrimaries, tmp_path: Path
) -> None:
    send(producer, 10)
    primaries["a"].pause(writing=False)
    deliveries: list[Delivery] = []
    for _ in range(2):
        producer.send(b"x", on_done=deliveries.append)
    document.publish({"a": {"bootstrap": ["elsewhere:9092"], **login(tmp_path / "password")}})
    await_unmade(producer, "a", "does not exist")
    primaries["a"].go_on()
    before = written(primaries)
    deliveries += send(producer, 10)
    assert [each.error for each in deliveries] == [None] * 12
    assert {ack.primary for each in deliveries for ack in each.acks} == {"b"}
    assert written(primaries)["a"] == before["a"]
    assert producer.stats().primaries["a"].in_flight == 0
    # The next generation has another reference; that need not wait for a probe.
    (tmp_path / "mended").write_text("secret")
    made = len(primaries.transports)
    document.publish({"a": {"bootstrap": ["elsewhere:9092"], **login(tmp_path / "mended")}})
    await_true(lambda: len(primaries.transports) > made)
    assert producer.stats().primaries["a"].state == "half-open"
    send(producer, 10)
    assert written(primaries)["a"] > before["a"]


def test_a_primary_that_stays_as_it_was_goes_on_without_its_secret(
    document: Document, primaries: SimulatedPrimaries, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password = tmp_path / "password"
    for kept in (tmp_path / "former", password):
        kept.write_text("secret")
    document.publish({"a": login(tmp_path / "former")})
    with opened(document, primaries) as producer:
        send(producer, 10)
        document.publish({"a": login(password), "b": {"bootstrap": ["elsewhere:9092"]}})
        await_true(lambda: len(primaries.transports) == 3)
        password.unlink()
        document.publish({"a": login(password), "b": {"state": "draining"}})
        await_true(lambda: "b" not in producer.stats().primaries)
        before = written(primaries)
        assert all(each.error is None for each in send(producer, 10))
        assert written(primaries) == {**before, "a": before["a"] + 10}
    assert "primary a: its secrets cannot be read: password of the primary at a:9092" in caplog.text
    assert [name for name, _ in primaries.transports] == ["a", "b", "b"]


def test_where_no_client_can_be_made_the_error_says_why(
    document: Document, primaries: SimulatedPrimaries, tmp_path: Path
) -> None:
    with opened(document, primaries, max_block_s=0.6) as producer:
        send(producer, 1)
        document.publish({"a": login(tmp_path / "password"), "b": {"state": "draining"}})
        await_unmade(producer, "a", "does not exist")
        with pytest.raises(DeliveryError) as raised:
            producer.send(b"x")
        assert "a: down since" in str(raised.value)
        assert f"file:{tmp_path}/password cannot be resolved: the file does not exist" in str(raised.value)
        assert raised.value.hint == (
            "check the primaries' 'auth' in the topology document, and what its references name"
        )


def test_copies_wait_for_a_primary_whose_client_cannot_be_made(
    document: Document, producer: PrismProducer, primaries: SimulatedPrimaries, tmp_path: Path
) -> None:
    send(producer, 10)
    document.publish({"b": {"state": "draining"}, "c": login(tmp_path / "password")}, copies=2)
    await_unmade(producer, "c", "does not exist")
    deliveries: list[Delivery] = []
    producer.send(b"x", on_done=deliveries.append)
    assert "c: not reached yet: its client cannot be made" in producer._tracker.describe()
    assert not deliveries
    (tmp_path / "password").write_text("secret")
    await_true(lambda: bool(deliveries))
    assert {ack.primary for ack in deliveries[0].acks} == {"a", "c"}


class Breaking:
    """Makes no transport of a primary for which ``error`` is set."""

    def __init__(self, primaries: SimulatedPrimaries) -> None:
        self._primaries = primaries
        self.error: Exception | None = None

    def __call__(self, name: str, client: dict[str, str], topic: str) -> SimulatedTransport:
        if name == "a" and self.error is not None:
            raise self.error
        return self._primaries(name, client, topic)


def test_a_broken_client_whose_successor_cannot_be_made_is_none_of_the_senders_business(
    document: Document, primaries: SimulatedPrimaries
) -> None:
    transports = Breaking(primaries)
    with opened(document, transports) as producer:
        send(producer, 10)
        transports.error = ValueError("half a certificate")
        primaries.transports[0][1].fatal = True
        assert [each.error for each in send(producer, 10)] == [None] * 10
        await_unmade(producer, "a", "ValueError: half a certificate")
        transports.error = None
        before = written(primaries)["a"]
        await_true(lambda: bool(send(producer, 1)) and written(primaries)["a"] > before)


def test_at_the_start_a_missing_secret_is_the_callers_mistake(
    document: Document, primaries: SimulatedPrimaries, tmp_path: Path
) -> None:
    document.publish({"b": login(tmp_path / "password")})
    before = set(threading.enumerate())
    with pytest.raises(ConfigurationError, match="password of the primary at b:9092"):
        opened(document, primaries)
    assert all(transport.closed for _, transport in primaries.transports)
    assert set(threading.enumerate()) <= before


def test_at_the_start_half_a_certificate_is_the_callers_mistake(document: Document, tmp_path: Path) -> None:
    certificate, key = Authority.create(tmp_path / "authority").issue("b")
    certificate.write_text(certificate.read_text()[:100])
    auth = {"type": "mtls", "certificate": f"file:{certificate}", "key": f"file:{key}"}
    document.publish({"b": {"auth": auth}})
    before = set(threading.enumerate())
    with pytest.raises(ConfigurationError, match=r"primary b: .* ssl\.certificate\.location failed"):
        PrismProducer(document.path, "s")
    await_true(lambda: set(threading.enumerate()) <= before)


def test_a_forked_child_goes_on_without_the_primary_whose_secret_is_missing(
    document: Document, producer: PrismProducer, primaries: SimulatedPrimaries, tmp_path: Path
) -> None:
    send(producer, 10)
    document.publish({"b": {"state": "draining"}, "c": login(tmp_path / "password")})
    await_unmade(producer, "c", "does not exist")
    producer._keeper.stop()
    # What a child does first.
    producer._forget()
    before = written(primaries)
    assert [each.error for each in send(producer, 10)] == [None] * 10
    assert written(primaries) == {**before, "a": before["a"] + 10}
    assert "does not exist" in reason(producer, "c")
