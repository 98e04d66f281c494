"""docker-compose.yml, unchanged, really brought up: on stand-in images, since none can be pulled here.

It runs on a Docker engine of its own (`compose/engine.py`), which needs root and Debian.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from anabranch.connectors import PrismProducer, RecordId
from anabranch.connectors.readers import UnionReader
from anabranch.connectors.union_records import StreamRecord
from anabranch.devkit import process
from anabranch.devkit.flink_rest import FlinkRest
from anabranch.devkit.loop import DEMO_STREAMS
from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.savepoints import take_savepoint
from anabranch.topology import librdkafka_config, load_topology
from tests.integration.compose.accounting import discrepancies
from tests.integration.compose.copying import CopiesRead, expected_copies, start_copying
from tests.integration.compose.engine import running_engine
from tests.integration.compose.images import build_images
from tests.integration.compose.project import ComposeProject
from tests.integration.compose.rootfs import base_rootfs
from tests.integration.compose.traffic import Traffic, number_in

pytestmark = [
    pytest.mark.long,
    pytest.mark.brokers,
    pytest.mark.flink,
    # The first time it installs packages and builds a Debian.
    pytest.mark.timeout(1800),
]

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
TOPOLOGY = str(ROOT / "devkit" / "compose" / "topology-host.yaml")
INSTALL = Path(__file__).parent / "compose" / "install-packages.sh"
FLINK = FlinkRest("http://127.0.0.1:8081")
STREAM, COPIES = "training-logs", "run-metrics"
# Far above what an idle machine takes: seven JVMs start at once.
START_LIMIT_S = 400.0
STEP_LIMIT_S = 240.0
KILLED_TEST = """
import os, pathlib, signal, sys
from tests.integration.compose.engine import running_engine
with running_engine(pathlib.Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def packages() -> None:
    """Docker and what the images are built with."""
    installed = process.run([INSTALL], timeout_s=900)
    assert installed.code == 0, installed.output


@pytest.fixture
def project(packages: None, tmp_path: Path) -> Iterator[ComposeProject]:
    """All services, ready; meanwhile this thread is in the network that their ports are published in."""
    with running_engine(tmp_path) as engine:
        build_images(engine, COMPOSE_FILE, tmp_path / "contexts")
        project = ComposeProject(engine, COMPOSE_FILE)
        try:
            project.up()
            with engine.network():
                await_ready(project)
                yield project
        finally:
            with contextlib.suppress(JobError):
                (tmp_path / "containers.log").write_text(project.logs())
            project.down()


def test_a_killed_cluster_stops_nobody_and_loses_nothing(project: ComposeProject) -> None:
    job = start_copying(project, FLINK)
    with UnionReader(TOPOLOGY, COPIES) as reader, PrismProducer(TOPOLOGY, STREAM) as producer:
        traffic, copies = Traffic(producer), CopiesRead(reader)
        write_through_a_kill(project, traffic, copies)
        producer.flush()
        expected = traffic.expected()
        logged = read_all(STREAM)
        copies.await_copies({each.id for each in logged if each.id is not None}, timeout_s=STEP_LIMIT_S)
    assert FLINK.restored_checkpoint(job) is None
    assert take_savepoint(FLINK, job, stop=True).startswith("file:/state/savepoints/")

    assert expected.acknowledged == expected.sent.keys()
    assert discrepancies(expected, numbers_of(logged)) == []
    assert {record.primary for record in logged} == {"a", "b"}
    copied = read_all(COPIES)
    ids = {each.id for each in logged if each.id is not None}
    assert discrepancies(expected_copies(expected, ids), numbers_of(copied)) == []
    assert {json.loads(each.value or b"")["origin"] for each in copied} == {"a", "b"}


def write_through_a_kill(project: ComposeProject, traffic: Traffic, copies: CopiesRead) -> None:
    """Writes while cluster b works, is killed, is down, comes back and works again."""
    victim = project.container("kafka-b")
    traffic.send_until(lambda: min(traffic.acked("a"), traffic.acked("b")) > 500, timeout_s=STEP_LIMIT_S)
    copies.await_copies(traffic.sent_since(0), timeout_s=STEP_LIMIT_S)

    killing = threading.Thread(target=project.kill, args=[victim])
    killing.start()
    traffic.send_until(lambda: not killing.is_alive() and traffic.leaves_alone("b"), timeout_s=STEP_LIMIT_S)
    killing.join()
    first = traffic.sent
    traffic.send(5_000)
    # Both the producer and the job go on while b is down.
    copies.await_copies(traffic.sent_since(first), timeout_s=STEP_LIMIT_S)

    project.start(victim)
    before = traffic.acked("b")
    traffic.send_until(lambda: traffic.acked("b") > before + 500, timeout_s=STEP_LIMIT_S)


def test_an_engine_takes_everything_with_it(packages: None, tmp_path: Path) -> None:
    before = traces(tmp_path)
    with pytest.raises(RuntimeError, match="on the way"):
        fail_with_a_container(tmp_path)
    assert traces(tmp_path) == before


def test_an_engine_ends_with_a_killed_test(packages: None, tmp_path: Path) -> None:
    before = traces(tmp_path)
    killed = process.run([sys.executable, "-c", KILLED_TEST, tmp_path], timeout_s=STEP_LIMIT_S, cwd=ROOT)
    assert killed.code == -signal.SIGKILL, killed.output
    left_for_pytest = {str(tmp_path / "data")}
    process.await_condition(lambda: traces(tmp_path) - left_for_pytest == before, 30, "the engine to be gone")


def fail_with_a_container(folder: Path) -> None:
    with running_engine(folder) as engine:
        engine.docker("import", base_rootfs(), "base", timeout_s=STEP_LIMIT_S)
        engine.docker("network", "create", "loop")
        engine.docker("run", "-d", "--network=loop", "-p=127.0.0.1:9092:9092", "base", "sleep", "271828")
        assert any("sleep 271828" in each for each in traces(folder))
        raise RuntimeError("on the way")


def traces(folder: Path) -> set[str]:
    """What an engine could leave on this machine: processes, bridges, rules, mounts, groups, data."""
    processes = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            processes.add(Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode())
    ours = ("sleep 271828", str(folder))
    rules = process.run(["iptables-save"], timeout_s=30).output.splitlines()
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return {
        *(each for each in processes if any(mark in each for mark in ours)),
        *os.listdir("/sys/class/net"),
        *(rule for rule in rules if "DOCKER" in rule or "docker" in rule),
        *(mount for mount in mounts if str(folder) in mount),
        *(str(group) for group in Path("/sys/fs/cgroup").glob("**/anabranch-*")),
        *(str(data) for data in folder.glob("data")),
    }


def await_ready(project: ComposeProject) -> None:
    """Waits until both clusters have their topics and all of Flink is there."""
    primaries = load_topology(TOPOLOGY).groups["training"].primaries.values()
    clients = [librdkafka_config(primary) for primary in primaries]

    def ready() -> bool:
        project.check()
        return all(map(topics_are_there, clients)) and flink_is_there()

    process.await_condition(ready, START_LIMIT_S, "topics and TaskManagers", every_s=1)


def topics_are_there(client: dict[str, str]) -> bool:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        found = AdminClient({**client, "log_level": 0}).list_topics(timeout=5).topics
    except KafkaException:
        return False
    partitions = {name: len(topic.partitions) for name, topic in found.items()}
    return all(partitions.get(name) == count for name, count in DEMO_STREAMS.items())


def flink_is_there() -> bool:
    try:
        return len(FLINK.task_managers()) == 2
    except UnavailableError:
        return False


def read_all(stream: str) -> list[StreamRecord]:
    """All records of a stream on both clusters, copies included."""
    with UnionReader(TOPOLOGY, stream, until_end=True, deadline_s=60) as reader:
        records = list(reader)
        assert reader.problems() == {}
    return records


def numbers_of(records: Iterable[StreamRecord]) -> list[tuple[RecordId | None, int]]:
    return [(record.id, number_in(record.value)) for record in records]
