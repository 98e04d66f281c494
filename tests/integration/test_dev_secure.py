"""Loops whose brokers let in only who proves who they are, used by what the topology document says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from anabranch.cli.run import command
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.secure import SecureKind
from anabranch.devkit.topics import is_ready
from anabranch.errors import ConfigurationError
from anabranch.topology import librdkafka_config, load_topology

JOB = """from dataclasses import dataclass
from anabranch.pipelines import Job

@dataclass(frozen=True)
class Log:
    run: str

job = Job("watch")
job.read("logs", Log).write("copies", ids="none")
"""

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300)]


@pytest.fixture(params=["scram", "mtls"])
def secure_loop(request: pytest.FixtureRequest, home: Path) -> Iterator[Loop]:
    kind: SecureKind = request.param
    with Loop.up(LoopSpec(name="secure", primaries=1, secure=kind, streams={"logs": 1, "copies": 1})) as loop:
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


def assert_a_job_is_refused(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a wrong password `anabranch run` says so, and where to look; not the password."""
    monkeypatch.setenv("WRONG_PASSWORD", "correct-horse-battery")
    document = yaml.safe_load(loop.topology_path.read_text())
    document["groups"]["training"]["primaries"]["a"]["auth"]["password"] = "env:WRONG_PASSWORD"
    folder = loop.folder / "job"
    folder.mkdir()
    (folder / "topology.yaml").write_text(yaml.safe_dump(document))
    (folder / "job.yaml").write_text("topology: topology.yaml\ndead_letters: null\n")
    (folder / "job.py").write_text(JOB)
    result = CliRunner().invoke(command, [str(folder)])
    assert isinstance(result.exception, ConfigurationError), result.output
    text = str(result.exception)
    assert "topology.yaml: primary a refuses the credentials: " in text
    assert "next: check groups.training.primaries.a.auth" in text
    assert len(text.splitlines()) <= 4, text
    assert "correct-horse-battery" not in text + result.output


def test_only_those_with_credentials_get_in(secure_loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert produce_and_read(client_of(secure_loop)) == b"hello"

    address = {"bootstrap.servers": secure_loop.broker("a").bootstrap}
    ca = {"ssl.ca.location": str(secure_loop.folder / "secrets" / "ca.pem")}
    assert not is_ready({**address, "security.protocol": "PLAINTEXT"})
    assert not is_ready({**address, "security.protocol": "SSL", **ca}), "TLS without a client certificate"
    if secure_loop.spec.secure == "scram":
        assert not is_ready({**client_of(secure_loop), "sasl.password": "guess"})
        assert_a_job_is_refused(secure_loop, monkeypatch)

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
    assert not list((secure_loop.folder / "brokers").rglob("format.arguments"))
    assert (secure_loop.folder.stat().st_mode & 0o077) == 0
    assert secure_loop.folder.stat().st_uid == os.getuid()
