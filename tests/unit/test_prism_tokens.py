"""A producer that needs a token never makes its owner wait for one, and says why there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError

from anabranch.connectors.prism import confluent
from anabranch.connectors.prism.confluent import ConfluentTransport, ConfluentTransportFactory
from anabranch.connectors.prism.transport import Failure, FailureKind, Trouble
from anabranch.connectors.troubles import NO_CLIENT, token_trouble
from anabranch.devkit import process
from anabranch.errors import UnavailableError
from anabranch.topology import Primary, WorkloadIdentity
from anabranch.topology.kafka_tokens import KafkaTokens
from anabranch.topology.librdkafka import producer_config

NO_ANSWER = "the token service https://login.example.org/ gives no access token: no answer"
UNFETCHED = KafkaError(
    KafkaError._AUTHENTICATION, "Failed to acquire SASL OAUTHBEARER token: OAuth callback raised exception"
)


class Tokens(KafkaTokens):
    """Gives one when it is told to."""

    def __init__(self) -> None:
        super().__init__(WorkloadIdentity("c", "t", Path("/f"), "https://login.example.org/"), "s", None)
        self.given = False
        self.asked = 0
        self.answers = threading.Event()
        self.answers.set()

    def _renew(self) -> None:
        self.asked += 1
        assert self.answers.wait(20)
        if self.given:
            self._failure = None
            self._held.hold("a.b.c", time.time() + 3600)
            self._fresh_until = time.time() + 3000
        else:
            self._failure, self._failed_at = UnavailableError(NO_ANSWER), time.monotonic()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def transport(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConfluentTransport]:
    monkeypatch.setattr(confluent, "_MAKE_AGAIN_S", 0.05)
    config = {"bootstrap.servers": "127.0.0.1:1", "security.protocol": "SASL_SSL", "log_level": 0}
    begun = time.monotonic()
    made = ConfluentTransport("t", {**config, "sasl.mechanisms": "OAUTHBEARER", "oauth_cb": tokens.callback})
    assert time.monotonic() - begun < 0.5
    yield made
    made.close()


def send(transport: ConfluentTransport) -> Failure | None:
    try:
        transport.send(b"v", None, 0, {}, lambda *_: None)
    except Exception as error:
        return transport.failure(error)
    return None


def await_true(condition: Callable[[], Any]) -> None:
    process.await_condition(condition, 20, "it")


def test_is_full_and_tells_why_until_there_is_a_token(transport: ConfluentTransport, tokens: Tokens) -> None:
    await_true(lambda: tokens.asked)
    await_true(lambda: transport._trouble)
    assert transport.poll() == Trouble(f"{NO_CLIENT}: {NO_ANSWER}", unreachable=True)
    failure = send(transport)
    assert failure is not None
    assert failure.kind is FailureKind.FULL
    transport.purge()
    tokens.given = True
    await_true(lambda: send(transport) is None)


def test_closed_before_there_is_a_token_it_makes_nothing(
    transport: ConfluentTransport, tokens: Tokens
) -> None:
    tokens.answers.clear()
    asked = tokens.asked
    await_true(lambda: tokens.asked > asked)
    transport.close()
    tokens.given = True
    tokens.answers.set()
    await_true(lambda: all(thread.name != "cluster-of-prism" for thread in threading.enumerate()))
    assert transport._producer is None


def test_goes_on_with_the_token_that_it_has(transport: ConfluentTransport, tokens: Tokens) -> None:
    tokens.given = True
    await_true(lambda: transport._producer is not None)
    transport.poll()
    tokens.given, tokens._fresh_until = False, 0.0
    tokens.tend()
    transport._on_error(UNFETCHED)
    trouble = transport.poll()
    assert trouble is None or NO_ANSWER not in trouble.reason
    transport._on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert transport.poll() == Trouble(NO_ANSWER, unreachable=True)


def test_other_errors_are_none_of_its_tokens(tokens: Tokens) -> None:
    assert token_trouble({"oauth_cb": tokens.callback}, "Connection refused") is None
    assert token_trouble({}, UNFETCHED.str()) is None
    # Of a connection that is refused for it: that primary is lost.
    lost = f"a:9093: OAUTHBEARER cannot log in because there is no token; last error: {UNFETCHED.str()}"
    assert token_trouble({"oauth_cb": tokens.callback}, lost) is None
    assert token_trouble({"oauth_cb": tokens.callback}, UNFETCHED.str()) == UNFETCHED.str()


@pytest.mark.parametrize(("document", "idempotence"), [({}, True), ({"idempotence": False}, False)])
def test_idempotence_is_what_the_topology_says(
    document: dict[str, Any], idempotence: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(confluent, "ConfluentTransport", lambda topic, config: made.append(config))
    primary = Primary.model_validate({"bootstrap": ["h:1"], **document})
    factory = ConfluentTransportFactory({"max.in.flight.requests.per.connection": 4})
    factory("a", producer_config(primary), "t")
    assert made[0]["acks"] == "all"
    assert made[0]["enable.idempotence"] is idempotence
    assert made[0]["max.in.flight.requests.per.connection"] == (4 if idempotence else 1)
