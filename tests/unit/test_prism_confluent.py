"""What the librdkafka transport tells of its primary: the error callback gives no order to rely on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError

from anabranch.connectors.prism.confluent import ConfluentTransport
from anabranch.connectors.prism.transport import FailureKind, Trouble

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
REFUSED = KafkaError(KafkaError._TRANSPORT, "a:9092: Connect to a failed: Connection refused")


@pytest.fixture
def transport() -> Iterator[ConfluentTransport]:
    # Nothing is sent, so that it need not reach anybody.
    made = ConfluentTransport("t", {})
    yield made
    made.close()


def test_no_trouble_is_none(transport: ConfluentTransport) -> None:
    assert transport.poll() is None


@pytest.mark.parametrize("errors", [(DOWN, REFUSED), (REFUSED, DOWN)], ids=["before", "after"])
def test_the_broker_that_is_down_is_told_by_its_own_error(
    transport: ConfluentTransport, errors: tuple[KafkaError, ...]
) -> None:
    for error in errors:
        transport._on_error(error)
    assert transport.poll() == Trouble(REFUSED.str(), unreachable=True)
    assert transport.poll() is None


def test_an_error_that_comes_after_all_are_down_is_told_later(transport: ConfluentTransport) -> None:
    transport._on_error(DOWN)
    assert transport.poll() == Trouble("1/1 brokers are down", unreachable=True)
    transport._on_error(REFUSED)
    assert transport.poll() == Trouble(REFUSED.str(), unreachable=False)
    transport._on_error(DOWN)
    assert transport.poll() == Trouble(REFUSED.str(), unreachable=True)


def test_one_lost_broker_is_no_lost_primary(transport: ConfluentTransport) -> None:
    transport._on_error(REFUSED)
    assert transport.poll() == Trouble(REFUSED.str(), unreachable=False)


@pytest.mark.parametrize(
    ("code", "kind", "vague"),
    [
        (KafkaError._MSG_TIMED_OUT, FailureKind.UNKNOWN, True),
        (KafkaError._PURGE_QUEUE, FailureKind.UNKNOWN, True),
        (KafkaError._TRANSPORT, FailureKind.UNKNOWN, False),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, FailureKind.NOT_WRITTEN, False),
        (KafkaError.MSG_SIZE_TOO_LARGE, FailureKind.RECORD, False),
        (KafkaError.INVALID_TIMESTAMP, FailureKind.RECORD, False),
        (KafkaError._FATAL, FailureKind.FATAL, False),
    ],
)
def test_failures_are_sorted(
    transport: ConfluentTransport, code: int, kind: FailureKind, vague: bool
) -> None:
    failure = transport.failure(KafkaError(code, "in words"))
    assert (failure.kind, failure.vague) == (kind, vague)
