"""What the librdkafka transport tells of its primary: the error callback gives no order to rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from anabranch.connectors.prism import confluent
from anabranch.connectors.prism.breaker import Breaker
from anabranch.connectors.prism.confluent import ConfluentTransport
from anabranch.connectors.prism.transport import FailureKind, Trouble
from anabranch.devkit import process

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
REFUSED = KafkaError(KafkaError._TRANSPORT, "a:9092: Connect to a failed: Connection refused")


Say = Callable[..., None]


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
    assert transport.poll() == Trouble("no answer", unreachable=True, vague=True)
    transport._on_error(REFUSED)
    assert transport.poll() == Trouble(REFUSED.str(), unreachable=False)
    transport._on_error(DOWN)
    assert transport.poll() == Trouble(REFUSED.str(), unreachable=True)


def test_one_lost_broker_is_no_lost_primary(transport: ConfluentTransport) -> None:
    transport._on_error(REFUSED)
    assert transport.poll() == Trouble(REFUSED.str(), unreachable=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[ConfluentTransport]:
    """Whose thread does not ask by itself, and which has just been told that its primary is out of reach."""
    monkeypatch.setattr(confluent, "_ask", lambda transport, doubt: None)
    made = ConfluentTransport("t", {})
    made._on_error(DOWN)
    made._doubt.clear()
    yield made
    made.close()


@pytest.fixture
def say(asked: ConfluentTransport, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Sets the leaders of the topic's partitions that the primary tells, or the error."""

    def set_answer(
        *leaders: int, error: KafkaError | None = None, meanwhile: KafkaError | None = None
    ) -> None:
        def list_topics(topic: str, timeout: float) -> object:
            if meanwhile is not None:
                asked._on_error(meanwhile)
            if error is not None:
                raise KafkaException(error)
            partitions = {number: SimpleNamespace(leader=leader) for number, leader in enumerate(leaders)}
            return SimpleNamespace(cluster_id="c", topics={topic: SimpleNamespace(partitions=partitions)})

        stub = SimpleNamespace(list_topics=list_topics, purge=lambda **_: None, poll=lambda _: None)
        monkeypatch.setattr(asked, "_producer", stub)

    return set_answer


def test_a_primary_that_answers_has_returned_which_is_said_once(asked: ConfluentTransport, say: Say) -> None:
    say(1, -1)
    assert not asked.returned()
    assert asked.ask() is None
    assert asked.cluster == "c"
    assert asked.returned()
    assert not asked.returned()


def test_what_was_wrong_in_an_outage_that_is_over_is_not_told_of_the_next(
    asked: ConfluentTransport, say: Say
) -> None:
    asked._on_error(REFUSED)
    asked._doubt.clear()
    say(1)
    asked.ask()
    asked._on_error(DOWN)
    assert asked.poll() == Trouble("no answer", unreachable=True, vague=True)


def test_a_primary_that_does_not_answer_has_not_returned_and_is_asked_again(
    asked: ConfluentTransport, say: Say
) -> None:
    say(error=REFUSED)
    assert asked.ask() is not None
    assert not asked.returned()


@pytest.mark.parametrize("leaders", [(), (-1, -1)], ids=["no-topic", "no-leader"])
def test_a_primary_that_nothing_can_be_written_to_has_not_returned_though_it_tells_its_cluster(
    asked: ConfluentTransport, say: Say, leaders: tuple[int, ...]
) -> None:
    say(*leaders)
    assert asked.ask() is not None
    assert asked.cluster == "c"
    assert not asked.returned()


def test_an_answer_from_before_it_went_away_says_nothing(asked: ConfluentTransport, say: Say) -> None:
    say(1, meanwhile=DOWN)
    asked.ask()
    assert not asked.returned()
    say(1)
    asked._doubt.clear()
    asked.ask()
    asked._on_error(DOWN)
    assert not asked.returned()


@pytest.mark.parametrize(
    ("code", "kind", "vague"),
    [
        (KafkaError._MSG_TIMED_OUT, FailureKind.UNKNOWN, True),
        (KafkaError._PURGE_QUEUE, FailureKind.UNKNOWN, False),
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


@pytest.mark.parametrize("code", [KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT])
def test_what_we_took_out_ourselves_is_no_trouble_of_the_primary(
    transport: ConfluentTransport, code: int
) -> None:
    breaker = Breaker()
    breaker.note("no answer for 2.0 s", vague=True)
    failure = transport.failure(KafkaError(code))
    breaker.note(failure.reason, vague=failure.vague)
    assert breaker.reason == "no answer for 2.0 s"


TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "Broker: Message size too large")


def test_a_batch_that_is_too_large_is_not_a_record_that_is_until_it_can_hold_no_other() -> None:
    transport = ConfluentTransport("t", {"batch.size": 10_000, "message.max.bytes": 20_000})
    try:
        small, large = Message(value=b"x" * 100, key=b"k" * 100), Message(value=b"x" * 9_999, key=b"k")
        assert transport.failure(TOO_LARGE, large).kind is FailureKind.RECORD, "alone in its batch"
        assert transport.failure(TOO_LARGE, None).kind is FailureKind.RECORD, "told by the client"
        producers = [transport._producer]
        for limit in (2_500, 1):
            # The answers of one poll, of which the first makes the limit lower.
            assert transport.failure(TOO_LARGE, small).kind is FailureKind.BATCH
            assert transport.failure(TOO_LARGE, small).kind is FailureKind.BATCH
            assert transport._batch_bytes == limit
            producers.append(transport._producer)
            transport.poll()
        assert len(set(map(id, producers))) == 3
        assert transport.failure(TOO_LARGE, small).kind is FailureKind.RECORD
    finally:
        transport.close()


def test_a_topic_that_takes_no_full_batch_gets_smaller_ones_from_a_client_that_replaces_the_first() -> None:
    transport = ConfluentTransport("t", {"bootstrap.servers": "127.0.0.1:1", "batch.size": 10_000})
    try:
        answers: list[KafkaError] = []
        transport.send(b"x", None, 0, {}, lambda error, _: answers.append(error))
        transport.failure(TOO_LARGE, Message(value=b"x"))
        transport.send(b"y", None, 0, {}, lambda error, _: answers.append(error))
        transport.poll()
        assert len(transport._producers) == 2, "the first has yet to answer"
        transport.purge()

        def first_is_gone() -> bool:
            transport.poll()
            return len(answers) == 2 and len(transport._producers) == 1

        process.await_condition(first_is_gone, 10, "all answers, and the end of the first")
        assert [error.code() for error in answers] == [KafkaError._PURGE_QUEUE] * 2
    finally:
        transport.close()
