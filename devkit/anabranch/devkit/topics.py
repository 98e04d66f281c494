"""Readiness of a broker and creation of topics, through librdkafka."""

from __future__ import annotations

import logging
import time
from typing import Any

from anabranch.errors import ConfigurationError, UnavailableError

__all__ = ["create_topics", "is_ready"]

_CREATE_LIMIT_S = 60.0
# librdkafka writes refused connections to stderr; while a broker starts they are expected.
_QUIET = {"log_level": 0, "socket.connection.setup.timeout.ms": 2000}
_SILENT = logging.getLogger("anabranch.devkit.librdkafka")
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


def is_ready(config: dict[str, Any], *, timeout_s: float = 5) -> bool:
    """Whether the cluster answers within ``timeout_s`` and a broker is registered in it."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({**config, **_QUIET}, logger=_SILENT)
    try:
        return bool(admin.list_topics(timeout=timeout_s).brokers)
    except KafkaException:
        return False


def create_topics(config: dict[str, Any], topics: dict[str, int]) -> None:
    """Creates topics (name to partitions, one replica) and waits until all have leaders.

    Topics that exist already are left alone.

    Raises:
        ConfigurationError: Kafka takes no topic of such a name, or with so many partitions.
        UnavailableError: They were not there in time.
    """
    if not topics:
        return
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient, NewTopic

    hopeless = (KafkaError.TOPIC_EXCEPTION, KafkaError.INVALID_PARTITIONS)
    admin = AdminClient({**config, **_QUIET}, logger=_SILENT)
    wanted = [NewTopic(name, num_partitions=count, replication_factor=1) for name, count in topics.items()]
    last: object = "no answer"
    deadline = time.monotonic() + _CREATE_LIMIT_S
    while time.monotonic() < deadline:
        for future in admin.create_topics(wanted, request_timeout=10).values():
            try:
                future.result()
            except KafkaException as error:
                code, text = error.args[0].code(), error.args[0].str()
                if code in hopeless:
                    raise ConfigurationError(f"cannot create topics {', '.join(topics)}: {text}") from None
                if code != KafkaError.TOPIC_ALREADY_EXISTS:
                    last = text
        if _have_leaders(admin, topics):
            return
        time.sleep(0.1)
    raise UnavailableError(
        f"cannot create topics {', '.join(topics)}: {last}", where=str(config["bootstrap.servers"])
    )


def _have_leaders(admin: Any, topics: dict[str, int]) -> bool:
    from confluent_kafka import KafkaException

    try:
        found = admin.list_topics(timeout=2).topics
    except KafkaException:
        return False
    for name, count in topics.items():
        topic = found.get(name)
        if topic is None or topic.error is not None or len(topic.partitions) < count:
            return False
        if any(partition.leader < 0 for partition in topic.partitions.values()):
            return False
    return True
