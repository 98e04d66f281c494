"""docker-compose.yml and `anabranch dev up` are in step: versions, ports, topics, settings."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from anabranch.devkit.broker_config import server_properties
from anabranch.devkit.brokers import BrokerSpec
from anabranch.devkit.document import write_document
from anabranch.devkit.flink_config import FlinkSpec, session_config
from anabranch.devkit.jars import KAFKA_VERSION
from anabranch.devkit.loop import DEMO_STREAMS, LoopSpec
from anabranch.topology import load_topology

ROOT = Path(__file__).parents[2]
HOST = ROOT / "devkit" / "compose" / "topology-host.yaml"
INSIDE = ROOT / "devkit" / "compose" / "topology.yaml"
BROKERS = {"a": "kafka-a", "b": "kafka-b"}
# Where the two differ by nature: addresses, files, and who may listen where.
LOOP_ONLY = {
    "controller.quorum.voters",
    "listeners",
    "advertised.listeners",
    "listener.security.protocol.map",
    "inter.broker.listener.name",
    "log.dirs",
}
FLINK_LOOP_ONLY = (
    "blob.",
    "io.tmp",
    "jobmanager.",
    "python.",
    "rest.",
    "taskmanager.",
    "execution.checkpointing.dir",
)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def flink_version() -> str:
    extras: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]["flink"]
    return next(
        entry.removeprefix("apache-flink==") for entry in extras if entry.startswith("apache-flink==")
    )


def test_versions(services: dict[str, Any]) -> None:
    images = {service["image"] for service in services.values()}
    assert images == {f"apache/kafka:{KAFKA_VERSION}", f"flink:{flink_version()}-java17"}


def test_both_documents_hold_what_the_loop_writes(tmp_path: Path) -> None:
    path = tmp_path / "topology.yaml"
    write_document(path, LoopSpec(), {"a": "127.0.0.1:9092", "b": "127.0.0.1:9094"}, None)
    assert load_topology(str(HOST)) == load_topology(str(path))
    inside = load_topology(str(INSIDE)).groups["training"]
    assert inside.streams == load_topology(str(path)).groups["training"].streams
    assert list(inside.primaries) == list(BROKERS)


def test_ports_are_those_of_the_documents(services: dict[str, Any]) -> None:
    host, inside = (load_topology(str(path)).groups["training"].primaries for path in (HOST, INSIDE))
    for name, service in BROKERS.items():
        settings = services[service]["environment"]
        port = host[name].bootstrap[0].rpartition(":")[2]
        assert services[service]["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert f"CLIENTS://:{port}," in settings["KAFKA_LISTENERS"]
        advertised = f"CLIENTS://{host[name].bootstrap[0]},INTERNAL://{inside[name].bootstrap[0]}"
        assert settings["KAFKA_ADVERTISED_LISTENERS"] == advertised
        assert services[f"topics-{name}"]["environment"]["BROKER"] == inside[name].bootstrap[0]


def test_clusters_are_apart(services: dict[str, Any]) -> None:
    ids = [services[service]["environment"]["CLUSTER_ID"] for service in BROKERS.values()]
    assert len(set(ids)) == 2


def test_topics_are_the_demos(services: dict[str, Any]) -> None:
    for name in BROKERS:
        entries = services[f"topics-{name}"]["environment"]["STREAMS"].split()
        assert {topic: int(count) for topic, count in (entry.split(":") for entry in entries)} == DEMO_STREAMS


def test_broker_settings_are_the_loops(services: dict[str, Any]) -> None:
    text = server_properties(BrokerSpec("a", 1, 2, "id"), Path("/data"), None)
    wanted = dict(line.split("=", 1) for line in text.splitlines())
    for service in BROKERS.values():
        settings = services[service]["environment"]
        found = {
            key.removeprefix("KAFKA_").lower().replace("_", "."): value
            for key, value in settings.items()
            if key.startswith("KAFKA_") and key != "KAFKA_HEAP_OPTS"
        }
        assert {k: v for k, v in found.items() if k not in LOOP_ONLY} == {
            k: v for k, v in wanted.items() if k not in LOOP_ONLY
        }


def test_flink_settings_are_the_loops(services: dict[str, Any]) -> None:
    wanted = yaml.safe_load(session_config(FlinkSpec(), Path("/state"), 1, 2))
    for service in ("jobmanager", "taskmanager"):
        found = yaml.safe_load(services[service]["environment"]["FLINK_PROPERTIES"])
        assert found["taskmanager.numberOfTaskSlots"] == wanted["taskmanager.numberOfTaskSlots"]
        for key, value in wanted.items():
            if not key.startswith(FLINK_LOOP_ONLY):
                assert _text(found[key]) == _text(value), key
    assert services["taskmanager"]["scale"] == FlinkSpec().task_managers


def _text(value: object) -> str:
    """As Flink reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
