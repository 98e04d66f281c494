"""The one place where typed auth becomes configuration of a librdkafka client.

Its Java twin is ``KafkaClientProperties``; ``tests/unit/vectors/auth.json`` holds both to the same cases.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from anabranch.topology.auth import (
    MtlsAuth,
    NoAuth,
    OAuthBearerAuth,
    PlainAuth,
    ScramAuth,
    WorkloadIdentityAuth,
)
from anabranch.topology.identity import WorkloadIdentity
from anabranch.topology.kafka_tokens import kafka_tokens
from anabranch.topology.model import Primary
from anabranch.topology.references import pem_path, private_key_path, resolve

__all__ = ["librdkafka_config", "producer_config"]

_NOT_IDEMPOTENT: Mapping[str, Any] = {
    "enable.idempotence": False,
    # Else a batch that is repeated would come after those that were sent behind it.
    "max.in.flight.requests.per.connection": 1,
}


def librdkafka_config(primary: Primary, *, env: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Bootstrap servers and security of a client of that primary, secrets resolved here and now.

    Args:
        primary: Whose client is about to start.
        env: Where ``env:`` references, and the variables of the workload identity, are looked up.

    Returns:
        A fresh dict that the caller adds its own settings to. It holds secrets: do not log it. Where it has
        an ``oauth_cb``, :func:`~anabranch.topology.kafka_tokens.await_token` is to be called before a client
        is made.

    Raises:
        ConfigurationError: A reference cannot be resolved, or the identity's settings are wrong; the message
            names the reference or the variable.
        EnvironmentMissingError: Workload identity is wanted, and ``azure-identity`` is not installed.
    """
    return {"bootstrap.servers": ",".join(primary.bootstrap), **_security(primary, env)}


def producer_config(primary: Primary) -> dict[str, Any]:
    """The same for a producer, with what that primary asks of it; raises the same."""
    return {**librdkafka_config(primary), **({} if primary.idempotence else _NOT_IDEMPOTENT)}


def _security(primary: Primary, env: Mapping[str, str]) -> dict[str, Any]:
    auth = primary.auth
    match auth:
        case NoAuth():
            return {"security.protocol": "PLAINTEXT"}
        case PlainAuth() | ScramAuth():
            return {
                "security.protocol": "SASL_SSL" if auth.tls else "SASL_PLAINTEXT",
                "sasl.mechanisms": auth.mechanism if isinstance(auth, ScramAuth) else "PLAIN",
                "sasl.username": auth.username,
                "sasl.password": resolve(auth.password, what=_what("password", primary), env=env),
                **(_ca(auth, primary) if auth.tls else {}),
            }
        case MtlsAuth():
            return {
                "security.protocol": "SSL",
                "ssl.certificate.location": pem_path(auth.certificate, what=_what("certificate", primary)),
                "ssl.key.location": private_key_path(auth.key, what=_what("key", primary)),
                **_ca(auth, primary),
            }
        case OAuthBearerAuth():
            return _oauthbearer(auth, primary, env)
        case WorkloadIdentityAuth():
            return _workload_identity(auth, primary, env)


def _oauthbearer(auth: OAuthBearerAuth, primary: Primary, env: Mapping[str, str]) -> dict[str, str]:
    optional: dict[str, str] = {}
    if auth.scope:
        optional["sasl.oauthbearer.scope"] = auth.scope
    if auth.token_ca:
        optional["https.ca.location"] = pem_path(auth.token_ca, what=_what("token_ca", primary))
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": auth.token_endpoint,
        "sasl.oauthbearer.client.id": auth.client_id,
        "sasl.oauthbearer.client.secret": resolve(
            auth.client_secret, what=_what("client_secret", primary), env=env
        ),
        **optional,
        **_ca(auth, primary),
    }


def _workload_identity(
    auth: WorkloadIdentityAuth, primary: Primary, env: Mapping[str, str]
) -> dict[str, Any]:
    token_ca = pem_path(auth.token_ca, what=_what("token_ca", primary)) if auth.token_ca else None
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "OAUTHBEARER",
        "oauth_cb": kafka_tokens(WorkloadIdentity.of(env), auth.scope, token_ca).callback,
        **_ca(auth, primary),
    }


def _ca(
    auth: PlainAuth | ScramAuth | MtlsAuth | OAuthBearerAuth | WorkloadIdentityAuth, primary: Primary
) -> dict[str, str]:
    return {"ssl.ca.location": pem_path(auth.ca, what=_what("ca", primary))} if auth.ca else {}


def _what(field: str, primary: Primary) -> str:
    return f"{field} of the primary at {primary.bootstrap[0]}"
