"""Access tokens for Kafka by workload identity, as librdkafka's clients ask for them.

A client asks when it starts and when four fifths of its token's life are over, from a thread of librdkafka's
own; it needs no ``poll`` for that (confluent-kafka from 2.13 on). Making a client waits until it has a token,
for a second at least and for ten where there is none: whoever cannot wait makes it in a thread of its own,
and asks :func:`await_token` before, which is quicker and says why.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

from anabranch.errors import AnabranchError
from anabranch.topology.identity import WorkloadIdentity

__all__ = ["KafkaTokens", "await_token", "kafka_tokens"]

# Below four fifths, when a client asks for a new one, so that it is never given the one that it has.
_FRESH = 0.75


class KafkaTokens:
    """Gives the access tokens of one identity for one scope; used by any number of clients and threads.

    Its clients share a token while it is fresh.
    """

    def __init__(self, identity: WorkloadIdentity, scope: str, ca: str | None) -> None:
        self._identity = identity
        self._scope = scope
        self._ca = ca
        self._lock = threading.Lock()
        self._token: tuple[str, float] = ("", 0.0)
        self._fresh_until = 0.0
        self._failure: AnabranchError | None = None
        self._failed_at = 0.0

    def __call__(self, _config: str = "") -> tuple[str, float]:
        """The ``oauth_cb`` of a client: a token and when it expires, in seconds since 1970.

        Raises:
            ConfigurationError: The identity's settings are wrong, or the token service refuses it.
            UnavailableError: The token service does not answer.
        """
        asked_at = time.monotonic()
        with self._lock:
            if time.time() < self._fresh_until:
                return self._token
            if self._failure is not None and self._failed_at > asked_at:
                raise self._failure  # of whoever was before: each in turn would wait as long
            try:
                self._renew()
            except AnabranchError as error:
                self._failure, self._failed_at = error.with_traceback(None), time.monotonic()
                raise
            self._failure = None
            return self._token

    def __repr__(self) -> str:
        return f"<tokens of {self._identity} for {self._scope}>"

    @property
    def problem(self) -> str | None:
        """Why there is no token, where the last attempt to get one failed."""
        return None if self._failure is None else self._failure.message

    def _renew(self) -> None:
        # What a credential keeps would be too old for a client that asks.
        with self._identity.credential(ca=self._ca) as credential:
            begun = time.time()
            given = credential.get_token_info(self._scope)
        self._token = given.token, float(given.expires_on)
        self._fresh_until = begun + _FRESH * (given.expires_on - begun)


@functools.cache
def kafka_tokens(identity: WorkloadIdentity, scope: str, ca: str | None) -> KafkaTokens:
    """The one source of these tokens in this process, so that equal settings are equal."""
    return KafkaTokens(identity, scope, ca)


def await_token(config: Mapping[str, Any]) -> None:
    """Sees to it that a client of that configuration finds a token, if it needs one.

    Raises:
        ConfigurationError: The identity's settings are wrong, or the token service refuses it.
        UnavailableError: The token service does not answer.
    """
    tokens = config.get("oauth_cb")
    if isinstance(tokens, KafkaTokens):
        tokens()


# A lock that another thread held at the fork would never be released.
os.register_at_fork(after_in_child=kafka_tokens.cache_clear)
