"""Access tokens for Kafka by workload identity, as librdkafka's clients ask for them.

A client asks when it is made and when four fifths of its token's life are over, by a callback that comes on a
thread of librdkafka's own (confluent-kafka from 2.13 on), so that nobody has to poll for it. No Python may
run there: it could set off the garbage collector, which then frees a client that is garbage from that
client's own thread, and librdkafka aborts the process. So the callback is the ``get`` of a dictionary, and a
thread of ours sees to it that a good token lies there.

A client finds a token only if :func:`await_token` was called before. Its making takes a second even then,
since confluent-kafka looks once a second.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from anabranch.errors import AnabranchError
from anabranch.topology.identity import WorkloadIdentity

__all__ = ["KafkaTokens", "await_token", "kafka_tokens", "tokens_of"]

# Before four fifths, when clients ask for another one than they have.
_FRESH = 0.75
_AGAIN_S = 5.0
# librdkafka refuses it as expired and asks again after ten seconds; without any it would never ask again.
_NONE = ("none", 0.0)


class _Held(dict[str | None, tuple[str, float]]):
    """The token that clients get, under whatever they ask by: their ``sasl.oauthbearer.config``, if any."""

    def __init__(self, tokens: KafkaTokens) -> None:
        super().__init__({None: _NONE, "": _NONE})
        self.tokens = tokens

    def hold(self, token: str, expires_at: float) -> None:
        given = (token, expires_at)
        self.update({None: given, "": given})

    def __repr__(self) -> str:
        return repr(self.tokens)


class KafkaTokens:
    """The access tokens of one identity for one scope, for any number of clients and threads.

    From the first on they are renewed, as long as somebody refers to this object or to :attr:`callback`.
    """

    def __init__(self, identity: WorkloadIdentity, scope: str, ca: str | None) -> None:
        self._identity = identity
        self._scope = scope
        self._ca = ca
        self._lock = threading.Lock()
        self._held = _Held(self)
        self._fresh_until = 0.0
        self._failure: AnabranchError | None = None
        self._failed_at = 0.0
        self._kept = False

    @property
    def callback(self) -> Callable[[str | None], tuple[str, float] | None]:
        """The ``oauth_cb`` of a client: gives a token and when it expires, in seconds since 1970."""
        return self._held.get

    @property
    def problem(self) -> str | None:
        """Why there is no new token, where the last attempt to get one failed."""
        return None if self._failure is None else self._failure.message

    def await_token(self) -> None:
        """Sees to it that there is a token; waits for the token service if there is none yet.

        Raises:
            ConfigurationError: The identity's settings are wrong, or the token service refuses it.
            UnavailableError: The token service does not answer.
        """
        asked_at = time.monotonic()
        with self._lock:
            if time.time() < self._held[None][1]:
                return
            if self._failure is None or self._failed_at < asked_at:
                self._renew()
            # Else whoever was before failed just now: each in turn would wait as long.
            if self._failure is not None:
                raise self._failure
            if not self._kept:
                self._kept = True
                self._keep()

    def tend(self) -> float:
        """Renews the token if it is time; after how many seconds to come again."""
        with self._lock:
            if time.time() >= self._fresh_until:
                self._renew()
            return _AGAIN_S if self._failure is not None else max(0.0, self._fresh_until - time.time())

    def __repr__(self) -> str:
        return f"<tokens of {self._identity} for {self._scope}>"

    def _renew(self) -> None:
        try:
            # A token that the credential keeps would be the one that clients have.
            with self._identity.credential(ca=self._ca) as credential:
                begun = time.time()
                given = credential.get_token_info(self._scope)
        except AnabranchError as error:
            self._failure, self._failed_at = error.with_traceback(None), time.monotonic()
            return
        self._failure = None
        self._held.hold(given.token, float(given.expires_on))
        self._fresh_until = begun + _FRESH * (given.expires_on - begun)

    def _keep(self) -> None:
        unused = threading.Event()
        weakref.finalize(self, unused.set)
        threading.Thread(
            target=_tend, args=(weakref.ref(self), unused), name="kafka-tokens", daemon=True
        ).start()


def _tend(kept: weakref.ref[KafkaTokens], unused: threading.Event) -> None:
    pause_s = 0.0
    while not unused.wait(pause_s):
        tokens = kept()
        if tokens is None:
            return
        pause_s = tokens.tend()
        del tokens


class _Sources:
    """Those in use, so that equal settings are equal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: weakref.WeakValueDictionary[tuple[WorkloadIdentity, str, str | None], KafkaTokens] = (
            weakref.WeakValueDictionary()
        )

    def get(self, identity: WorkloadIdentity, scope: str, ca: str | None) -> KafkaTokens:
        with self._lock:
            return self._known.setdefault((identity, scope, ca), KafkaTokens(identity, scope, ca))

    def forget(self) -> None:
        """In a forked child: threads have ended, and a lock that one held would never be released."""
        self.__init__()  # type: ignore[misc]


_sources = _Sources()
os.register_at_fork(after_in_child=_sources.forget)


def kafka_tokens(identity: WorkloadIdentity, scope: str, ca: str | None) -> KafkaTokens:
    """The one source of these tokens in this process."""
    return _sources.get(identity, scope, ca)


def tokens_of(config: Mapping[str, Any]) -> KafkaTokens | None:
    """Where a client of that configuration has its tokens from, if it needs any."""
    held = getattr(config.get("oauth_cb"), "__self__", None)
    return held.tokens if isinstance(held, _Held) else None


def await_token(config: Mapping[str, Any]) -> None:
    """Sees to it that a client of that configuration finds a token, if it needs one; may wait for seconds.

    Raises:
        ConfigurationError: The identity's settings are wrong, or the token service refuses it.
        UnavailableError: The token service does not answer.
    """
    tokens = tokens_of(config)
    if tokens is not None:
        tokens.await_token()
