"""Loops whose brokers let in only who proves who they are, used by what the topology document says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.secure import SecureKind
from anabranch.devkit.topics import is_ready
from anabranch.topology import librdkafka_config, load_topology

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300)]


@pytest.fixture(params=["scram", "mtls"])
def secure_loop(request: pytest.FixtureRequest, home: Path) -> Iterator[Loop]:
    kind: SecureKind = request.param
    with Loop.up(LoopSpec(name="secure", primaries=1, secure=kind, streams={"logs": 1})) as loop:
        yield loop


def client_of(loop: Loop) -> dict[str, Any]:
    """What any client makes of the document."""
    return dict(librdkafka_config(load_topology(str(loop.topology_path)).groups["training"].primaries["a"]))


def produce_and_read(config: dict[str, Any]) -> bytes | None:
    from confluent_kafka import Consumer, Producer, TopicPartition

    errors: list[Any] = []
    producer = Producer(config)
    producer.produce("logs", b"hello", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(60) == 0
    assert errors == [None]
    consumer = Consumer({**config, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition("logs", 0, 0)])
    message = consumer.poll(60)
    consumer.close()
    assert message is not None
    assert message.error() is None
    return bytes(message.value() or b"")


def test_only_those_with_credentials_get_in(secure_loop: Loop) -> None:
    assert produce_and_read(client_of(secure_loop)) == b"hello"

    address = {"bootstrap.servers": secure_loop.broker("a").bootstrap}
    ca = {"ssl.ca.location": str(secure_loop.folder / "secrets" / "ca.pem")}
    assert not is_ready({**address, "security.protocol": "PLAINTEXT"})
    assert not is_ready({**address, "security.protocol": "SSL", **ca}), "TLS without a client certificate"
    if secure_loop.spec.secure == "scram":
        assert not is_ready({**client_of(secure_loop), "sasl.password": "guess"})

    secure_loop.broker("a").kill()
    secure_loop.broker("a").restart()
    assert is_ready(client_of(secure_loop)), "credentials outlive a restart"
    secure_loop.wipe("a")
    assert produce_and_read(client_of(secure_loop)) == b"hello", "and a wipe"


def test_secrets_stay_out_of_the_document_and_are_the_owners_alone(secure_loop: Loop) -> None:
    document = secure_loop.topology_path.read_text()
    secrets = secure_loop.folder / "secrets"
    private = [file for file in secrets.iterdir() if "key" in file.name or file.suffix == ".password"]
    assert private
    for file in [*private, secure_loop.folder / "brokers" / "a" / "server.properties"]:
        assert file.stat().st_mode & 0o077 == 0, file
    for file in secrets.glob("*.password"):
        assert file.read_text() not in document
    for pid in (service.ref.pid for service in secure_loop.services if service.ref):
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert not any(file.read_bytes() in command_line for file in secrets.glob("*.password"))
    assert (secure_loop.folder.stat().st_mode & 0o077) == 0
    assert secure_loop.folder.stat().st_uid == os.getuid()
