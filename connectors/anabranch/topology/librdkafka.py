"""The one place where typed auth becomes configuration of a librdkafka client.

Its Java twin is ``KafkaClientProperties``; ``tests/unit/vectors/auth.json`` holds both to the same cases.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from anabranch.topology.auth import MtlsAuth, NoAuth, OAuthBearerAuth, PlainAuth, ScramAuth
from anabranch.topology.model import Primary
from anabranch.topology.references import pem_path, private_key_path, resolve

__all__ = ["librdkafka_config"]


def librdkafka_config(primary: Primary, *, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Bootstrap servers and security of a client of that primary, secrets resolved here and now.

    Args:
        primary: Whose client is about to start.
        env: Where ``env:`` references are looked up.

    Returns:
        A fresh dict that the caller adds its own settings to. It holds secrets: do not log it.

    Raises:
        ConfigurationError: A reference cannot be resolved; the message names it.
    """
    return {"bootstrap.servers": ",".join(primary.bootstrap), **_security(primary, env)}


def _security(primary: Primary, env: Mapping[str, str]) -> dict[str, str]:
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


def _ca(auth: PlainAuth | ScramAuth | MtlsAuth | OAuthBearerAuth, primary: Primary) -> dict[str, str]:
    return {"ssl.ca.location": pem_path(auth.ca, what=_what("ca", primary))} if auth.ca else {}


def _what(field: str, primary: Primary) -> str:
    return f"{field} of the primary at {primary.bootstrap[0]}"
