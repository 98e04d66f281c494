"""Asks a primary which log is behind a topic's name at the moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection, Uuid
from confluent_kafka.admin import AdminClient

from anabranch.connectors.client_log import QuietLog
from anabranch.connectors.log_places import LogId

__all__ = ["LogIdentity"]

# An answer is taken at once; this is how often it is looked whether it is still wanted.
_LOOK_S = 0.1


class LogIdentity:
    """An admin client of one primary; a consumer cannot say which topic it reads, only what it is called.

    Args:
        config: The consumer's settings of librdkafka.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        # Callbacks of consumers are no settings of this client; the one for a log-in is.
        plain = {key: value for key, value in config.items() if not callable(value) or key == "oauth_cb"}
        self._admin = AdminClient({**plain, "logger": QuietLog()})

    def ask(self, topic: str, limit_s: float, halted: Callable[[], bool]) -> LogId:
        """What the primary says now: two requests at a time, some milliseconds.

        Args:
            topic: Its name.
            limit_s: For both.
            halted: Nobody wants to know any more.

        Raises:
            KafkaException: There is no such topic, no answer within the limit, or it is refused.
        """
        until = time.monotonic() + limit_s
        limits = {"request_timeout": max(_LOOK_S, limit_s)}
        cluster = self._admin.describe_cluster(**limits)
        described = self._admin.describe_topics(TopicCollection([topic]), **limits)[topic]
        cluster_id = self._result(cluster, until, halted).cluster_id
        topic_id = _text(self._result(described, until, halted).topic_id)
        return LogId(cluster_id or "", topic, topic_id)

    def _result(self, future: Future[Any], until: float, halted: Callable[[], bool]) -> Any:
        while True:
            # What the client has to tell, such as that its token expires.
            self._admin.poll(0)
            left_s = until - time.monotonic()
            try:
                return future.result(max(0.0, min(_LOOK_S, left_s)))
            except TimeoutError:
                if left_s <= 0 or halted():
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT)) from None


def _text(topic_id: Uuid | None) -> str:
    """As Kafka writes it; empty for the id of zeros that brokers without topic ids give."""
    if topic_id is None or not (
        topic_id.get_most_significant_bits() or topic_id.get_least_significant_bits()
    ):
        return ""
    return str(topic_id)
