"""What a client says is wrong with a primary, and what follows from it for a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anabranch.topology.kafka_tokens import tokens_of

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

__all__ = ["NO_CLIENT", "concise", "lasts", "next_step", "said", "token_trouble"]

NO_CLIENT = "its client cannot be made"
"""Before what keeps it from that: a secret or a certificate."""

# librdkafka counts on in these words: each time the same trouble is another text.
_PASSING = re.compile(r" \(after \d+ms in state [A-Z_]+(?:, \d+ identical error\(s\) suppressed)?\)")
_UNFETCHED = "Failed to acquire SASL OAUTHBEARER token"
_NO_TOPIC = ("nknown topic", "does not exist")
_NOT_ALLOWED = ("uthori", "uthent", "SASL", "SSL handshake")
_CHECK_AUTH = "check the primaries' 'auth' in the topology document, and what its references name"


def concise(reason: str) -> str:
    """The client's text without what differs each time."""
    return _PASSING.sub("", reason)


def token_trouble(config: Mapping[str, Any], reason: str) -> str | None:
    """Why a client with that configuration got no new token, if that is what it says; else None."""
    tokens = tokens_of(config)
    if tokens is None or not reason.startswith(_UNFETCHED):
        return None
    return tokens.problem or reason


def said(config: Mapping[str, Any], error: KafkaError) -> str:
    """What a client with that configuration says; of a token that is refused, why there is no better one."""
    from confluent_kafka import KafkaError

    tokens = tokens_of(config)
    if error.code() == KafkaError._AUTHENTICATION and tokens is not None and tokens.problem:
        return tokens.problem
    return concise(error.str())


def lasts(reason: str) -> bool:
    """Whether somebody has to change something before that primary can be used: its topic or the log-in."""
    return any(word in reason for word in (*_NO_TOPIC, *_NOT_ALLOWED, NO_CLIENT))


def next_step(reasons: str, otherwise: str) -> str:
    """What to do where no primary can be used.

    Args:
        reasons: What is wrong with each.
        otherwise: What to do where it is neither the topic nor the log-in.
    """
    if NO_CLIENT in reasons:
        # Before the topic: of a file it is said as well that it does not exist.
        return _CHECK_AUTH
    if any(word in reasons for word in _NO_TOPIC):
        return "create the topic on the primaries, or correct the stream's 'topic' in the topology document"
    if any(word in reasons for word in _NOT_ALLOWED):
        return _CHECK_AUTH
    return otherwise
