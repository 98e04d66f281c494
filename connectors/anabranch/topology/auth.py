"""How clients prove who they are: one typed block per kind of authentication.

Defaults lean to the safe side: SASL goes over TLS unless ``tls: false`` says otherwise.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from anabranch.topology.references import PemReference, SecretReference

__all__ = [
    "Auth",
    "MtlsAuth",
    "NoAuth",
    "OAuthBearerAuth",
    "PlainAuth",
    "ScramAuth",
    "StrictModel",
    "WorkloadIdentityAuth",
]


class StrictModel(BaseModel):
    """Frozen; unknown fields are errors; error texts never repeat the input, which may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


_Text = Annotated[str, Field(min_length=1)]
_USER_INFO = re.compile(r"https?://[^/?#]*@")


def _without_user_info(url: str) -> str:
    if _USER_INFO.match(url):
        raise PydanticCustomError(
            "user_info",
            "must be a URL without user info",
            {"hint": "secrets are references: client_id and client_secret hold what proves who asks"},
        )
    return url


_Tls = Annotated[bool, Field(strict=True, description="Whether SASL goes over TLS.")]
_Ca = Annotated[
    PemReference | None,
    Field(description="CA certificates that the brokers are checked against; absent: the system's."),
]

_TokenCa = Annotated[
    PemReference | None,
    Field(description="CA certificates that the token endpoint is checked against; absent: the system's."),
]


class NoAuth(StrictModel):
    """No authentication, plain text."""

    type: Literal["none"] = "none"


class PlainAuth(StrictModel):
    """SASL PLAIN."""

    type: Literal["plain"] = "plain"
    username: _Text
    password: SecretReference
    tls: _Tls = True
    ca: _Ca = None


class ScramAuth(StrictModel):
    """SASL SCRAM."""

    type: Literal["scram"] = "scram"
    username: _Text
    password: SecretReference
    mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    tls: _Tls = True
    ca: _Ca = None


class MtlsAuth(StrictModel):
    """TLS with a client certificate."""

    type: Literal["mtls"] = "mtls"
    certificate: Annotated[PemReference, Field(description="The client's certificate chain.")]
    key: Annotated[PemReference, Field(description="Its private key, PKCS #8, not encrypted.")]
    ca: _Ca = None


class OAuthBearerAuth(StrictModel):
    """SASL OAUTHBEARER over TLS, tokens by the OAuth 2 client-credentials flow."""

    type: Literal["oauthbearer"] = "oauthbearer"
    token_endpoint: Annotated[str, Field(pattern=r"^https?://[^\s]+$"), AfterValidator(_without_user_info)]
    client_id: _Text
    client_secret: SecretReference
    scope: _Text | None = None
    ca: _Ca = None
    token_ca: _TokenCa = None


class WorkloadIdentityAuth(StrictModel):
    """SASL OAUTHBEARER over TLS, tokens for the pod's own identity in Azure."""

    type: Literal["workload-identity"] = "workload-identity"
    scope: Annotated[str, Field(pattern=r"^[^\s]+$", description="What the token is for.")]
    ca: _Ca = None
    token_ca: _TokenCa = None


Auth = Annotated[
    NoAuth | PlainAuth | ScramAuth | MtlsAuth | OAuthBearerAuth | WorkloadIdentityAuth,
    Field(discriminator="type"),
]
