"""A loop of real brokers: up, hurt in every way, down."""

from __future__ import annotations

import pytest

from anabranch.devkit import process
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.service import ServiceState
from anabranch.devkit.topics import create_topics, is_ready
from anabranch.errors import ConfigurationError

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300)]


def topics_of(loop: Loop, name: str) -> dict[str, int]:
    """Topic to number of partitions on one primary."""
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(loop.broker(name).client_config())
    found = admin.list_topics(timeout=10).topics
    return {topic: len(value.partitions) for topic, value in found.items() if not topic.startswith("__")}


def cluster_id_of(loop: Loop, name: str) -> str:
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(loop.broker(name).client_config())
    return str(admin.describe_cluster().result(timeout=10).cluster_id)


def test_two_clusters_are_apart_and_hold_the_topics(two_brokers: Loop) -> None:
    two_brokers.create_topics({"apart": 3})
    assert topics_of(two_brokers, "a")["apart"] == topics_of(two_brokers, "b")["apart"] == 3
    assert cluster_id_of(two_brokers, "a") != cluster_id_of(two_brokers, "b")


def test_topics_that_kafka_does_not_take_are_told_at_once(two_brokers: Loop) -> None:
    with pytest.raises(ConfigurationError, match="cannot create topics foo bar: "):
        create_topics(two_brokers.broker("a").client_config(), {"foo bar": 1})


def test_killed_broker_comes_back_with_its_data(two_brokers: Loop) -> None:
    two_brokers.create_topics({"kept": 1})
    victim = two_brokers.broker("b")
    identity = cluster_id_of(two_brokers, "b")
    victim.kill()
    assert victim.state is ServiceState.DOWN
    assert not is_ready(victim.client_config())
    assert is_ready(two_brokers.broker("a").client_config())
    victim.restart()
    assert "kept" in topics_of(two_brokers, "b")
    assert cluster_id_of(two_brokers, "b") == identity


def test_paused_broker_keeps_its_connections_and_answers_nothing(two_brokers: Loop) -> None:
    broker = two_brokers.broker("a")
    broker.pause()
    assert broker.state is ServiceState.PAUSED
    assert not is_ready(broker.client_config())
    broker.resume()
    process.await_condition(lambda: is_ready(broker.client_config()), 30, "a to answer again")


def test_wiped_broker_is_another_cluster_with_the_declared_topics(home: object) -> None:
    with Loop.up(LoopSpec(name="wiped", primaries=1, streams={"declared": 2})) as loop:
        loop.create_topics({"undeclared": 1})
        identity = cluster_id_of(loop, "a")
        loop.wipe("a")
        assert cluster_id_of(loop, "a") != identity
        assert topics_of(loop, "a") == {"declared": 2}
