"""Reading to the end from Python while a partition of a primary of two brokers has no leader."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from anabranch.cli.main import cli
from anabranch.connectors.dead_letters import read_dead_letters
from anabranch.connectors.newest_versions import newest_versions
from anabranch.connectors.readers import UnionReader
from anabranch.devkit.brokers import Broker, BrokerSpec
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.ports import claim_ports
from anabranch.devkit.service import ServiceState
from anabranch.errors import UnavailableError

pytestmark = pytest.mark.brokers

TOPIC = "s"


@pytest.fixture(scope="module")
def second() -> Iterator[Broker]:
    """The second broker of primary a; partition 0 is on the first one, partition 1 on this one."""
    with Loop.up(LoopSpec(name=f"leaderless-{os.getpid()}", primaries=1, streams={})) as loop:
        first = loop.broker("a")
        port, unused = claim_ports(2, loop.folder)
        properties = {
            "process.roles": "broker",
            "node.id": "2",
            "controller.quorum.voters": f"1@127.0.0.1:{first.spec.controller_port}",
            "listeners": f"CLIENTS://127.0.0.1:{port}",
        }
        joined = Broker(loop.folder / "brokers" / "second", loop.mark, None)
        joined.save_spec(BrokerSpec("second", port, unused, first.spec.cluster_id, properties))
        joined.create({})
        admin = AdminClient(first.client_config())
        topic = NewTopic(TOPIC, 2, replica_assignment=[[1], [2]])
        admin.create_topics([topic])[TOPIC].result(30)
        write(first, b"old")
        joined.kill()
        await_leaders(first, 1)
        yield joined


@pytest.fixture
def topology(second: Broker, tmp_path: Path) -> Iterator[str]:
    """Its document, while the second broker is down."""
    path = tmp_path / "topology.yaml"
    first = Loop(second.folder.parent.parent).broker("a")
    path.write_text(f"""
generation: 1
groups:
  g:
    primaries:
      a: {{bootstrap: ["{first.bootstrap}"]}}
    streams:
      {TOPIC}: {{partitions: 2}}
""")
    yield str(path)
    if second.state is ServiceState.UP:
        second.kill()
        await_leaders(first, 1)


def write(broker: Broker, value: bytes) -> None:
    """Ten records a partition."""
    producer = Producer(broker.client_config())
    for number in range(20):
        producer.produce(TOPIC, value + b"%d" % number, partition=number % 2)
    assert producer.flush(60) == 0


def await_leaders(broker: Broker, count: int) -> None:
    admin = AdminClient(broker.client_config())
    deadline = time.monotonic() + 60
    while sum(each.leader > 0 for each in admin.list_topics().topics[TOPIC].partitions.values()) != count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_tail_shows_the_others_and_names_the_one_that_was_not_read(topology: str) -> None:
    began = time.monotonic()
    result = CliRunner().invoke(cli, ["tail", TOPIC, "--topology", topology, "--until-end"])
    assert time.monotonic() - began < 20, "10 s is the deadline"
    assert isinstance(result.exception, UnavailableError)
    assert "not every primary was read to its end: a: topic 's', partition 1: no leader" in str(
        result.exception
    )
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == [
        f"old{number}" for number in range(0, 20, 2)
    ]
    assert "primary a: topic 's', partition 1: no leader; trying again for 10 s" in result.stderr


def test_versions_and_letters_are_not_taken_for_complete(topology: str) -> None:
    with pytest.raises(UnavailableError, match="a: topic 's', partition 1: no leader"):
        newest_versions(topology, TOPIC, {b"k"}, deadline_s=1)
    assert read_dead_letters(topology, TOPIC, deadline_s=1).problems == {
        "a": "topic 's', partition 1: no leader"
    }


def test_a_read_to_the_end_waits_for_a_leader(second: Broker, topology: str) -> None:
    values: list[bytes | None] = []
    with UnionReader(topology, TOPIC, until_end=True, deadline_s=60) as reader:
        await_leaderless(reader, values)
        assert len(values) == 10
        second.restart()
        values += [record.value for record in reader]
        assert reader.problems() == {}
    assert sorted(values, key=str) == sorted((b"old%d" % number for number in range(20)), key=str)


def test_from_the_latest_a_partition_without_a_leader_begins_where_the_others_do(
    second: Broker, topology: str
) -> None:
    values: list[bytes | None] = []
    with UnionReader(topology, TOPIC, start="latest") as reader:
        await_leaderless(reader, values)
        second.restart()
        write(Loop(second.folder.parent.parent).broker("a"), b"new")
        deadline = time.monotonic() + 30
        while len(values) < 20 and time.monotonic() < deadline:
            values += [record.value for record in reader.poll(0.1)]
    assert sorted(values, key=str) == sorted((b"new%d" % number for number in range(20)), key=str)


def await_leaderless(reader: UnionReader, values: list[bytes | None]) -> None:
    """Reads until the partition is told, and what is there of the others is read."""
    deadline = time.monotonic() + 30
    while True:
        records = reader.poll(1)
        values += [record.value for record in records]
        if not records and reader.problems() == {"a": "topic 's', partition 1: no leader"}:
            return
        assert time.monotonic() < deadline, reader.problems()
