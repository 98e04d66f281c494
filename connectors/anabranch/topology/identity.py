"""Who this process is in Azure: the one place in Python that asks for tokens by workload identity.

AKS gives a pod four environment variables and a file with a federated token, which the token service takes
for an access token. The file is read whenever an access token is asked for, since it is replaced while the
pod lives. Java's twin is ``WorkloadIdentity``; ``tests/unit/vectors/identity.json`` holds both to the same
sentences.

No token is ever in a message, a log or a ``repr`` of this module.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from anabranch.errors import AnabranchError, ConfigurationError, EnvironmentMissingError, UnavailableError

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
    from azure.identity import ClientAssertionCredential

__all__ = ["Credential", "WorkloadIdentity"]

_CLIENT = "AZURE_CLIENT_ID"
_TENANT = "AZURE_TENANT_ID"
_FILE = "AZURE_FEDERATED_TOKEN_FILE"
_AUTHORITY = "AZURE_AUTHORITY_HOST"
_PUBLIC_CLOUD = "https://login.microsoftonline.com/"
_BY_WEBHOOK = (
    "on AKS the workload identity webhook sets it for pods with the label azure.workload.identity/use"
)

# Whoever waits for a token asks again, so one attempt is short and is not repeated here.
_ATTEMPT: Mapping[str, Any] = {"connection_timeout": 5, "read_timeout": 5, "retry_total": 0}
# What stands between gives these; they pass.
_PASSING = frozenset({408, 429})
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_CODE = re.compile(r"AADSTS\d+")
_NO_CREDENTIAL = f"no federated credential of it takes the token that {_FILE} names"
_NO_RESOURCE = "the scope names no resource of that tenant"
_MEANINGS: Mapping[str, str] = {
    "AADSTS700016": f"{_CLIENT} names nobody in that tenant",
    "AADSTS90002": f"{_TENANT} names no tenant",
    "AADSTS900023": f"{_TENANT} names no tenant",
    "AADSTS70021": _NO_CREDENTIAL,
    "AADSTS700211": _NO_CREDENTIAL,
    "AADSTS700212": _NO_CREDENTIAL,
    "AADSTS700213": _NO_CREDENTIAL,
    "AADSTS700024": f"the token that {_FILE} names has expired",
    "AADSTS70011": _NO_RESOURCE,
    "AADSTS500011": _NO_RESOURCE,
    "AADSTS1002012": _NO_RESOURCE,
}

_told_here: ContextVar[bool] = ContextVar("_told_here", default=False)


@dataclass(frozen=True)
class WorkloadIdentity:
    """The identity that the environment gives; equal ones are the same.

    Made by :meth:`of`, which checks what it finds.

    Attributes:
        client_id: Of the managed identity.
        tenant_id: Its tenant.
        token_file: Where the federated token is.
        authority: URL of the token service.
    """

    client_id: str
    tenant_id: str
    token_file: Path
    authority: str

    @classmethod
    def of(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Reads the variables, and the file once. Asks nobody.

        Raises:
            ConfigurationError: A sentence with the variable that is missing or wrong.
            EnvironmentMissingError: The package ``azure-identity`` is not installed.
        """
        _check_package()
        client = _required(env, _CLIENT, "the client id of the managed identity")
        tenant = _required(env, _TENANT, "the tenant of the managed identity")
        file = Path(_required(env, _FILE, "the path of the pod's projected token"))
        if not re.fullmatch(r"[0-9A-Za-z.-]+", tenant):
            raise ConfigurationError(f"{_TENANT} is no tenant: it must be a GUID or a domain name")
        authority = env.get(_AUTHORITY, "").strip() or _PUBLIC_CLOUD
        if not _is_https(authority):
            raise ConfigurationError(
                f"{_AUTHORITY} is no https URL: unset it for {_PUBLIC_CLOUD}, or correct it"
            )
        identity = cls(client, tenant, file, authority)
        identity.federated_token()
        return identity

    def __str__(self) -> str:
        return f"client {self.client_id} of tenant {self.tenant_id}"

    def federated_token(self) -> str:
        """The token of the pod, as it is in the file now.

        Raises:
            ConfigurationError: There is none.
        """
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise ConfigurationError(
                f"{_FILE} names {self.token_file}, which does not exist: see that the pod has the label "
                "azure.workload.identity/use and a service account of its own"
            ) from None
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError(
                f"{_FILE} names {self.token_file}, which cannot be read: give the user access to it"
            ) from None
        if not token:
            raise ConfigurationError(f"{_FILE} names {self.token_file}, which is empty")
        return token

    def credential(self, *, ca: str | None = None) -> Credential:
        """What the Azure SDK takes as a credential.

        Args:
            ca: PEM file with the authorities that the token service is checked against; None: the system's.
        """
        return Credential(self, ca)


class Credential:
    """Gives access tokens of a :class:`WorkloadIdentity`, and keeps each until it is about to expire.

    It is a ``TokenCredential`` of the Azure SDK, safe to use from several threads. Its errors are
    anabranch's, in one sentence.
    """

    def __init__(self, identity: WorkloadIdentity, ca: str | None) -> None:
        # Takes half a second, so it is not done before it is needed.
        from azure.identity import ClientAssertionCredential

        _silence()
        self._identity = identity
        self._ca = ca
        # The SDK's own class for workload identity keeps what it read from the file for ten minutes.
        self._asked: ClientAssertionCredential = ClientAssertionCredential(
            identity.tenant_id,
            identity.client_id,
            identity.federated_token,
            authority=identity.authority,
            # The authority comes from the pod's own environment: asking Microsoft's public directory about
            # it proves nothing, and cannot be reached from private clouds.
            disable_instance_discovery=True,
            connection_verify=ca if ca is not None else True,
            **_ATTEMPT,
        )

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """An access token for one scope.

        Raises:
            ConfigurationError: The identity's settings are wrong, or the token service refuses it.
            UnavailableError: The token service does not answer.
        """
        with self._in_our_words():
            return self._asked.get_token(*scopes, **options)

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """The same with more about the token; raises the same."""
        with self._in_our_words():
            return self._asked.get_token_info(*scopes, options=options)

    def close(self) -> None:
        """Ends its connections."""
        self._asked.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Credential of {self._identity}>"

    @contextlib.contextmanager
    def _in_our_words(self) -> Iterator[None]:
        told = _told_here.set(True)
        try:
            yield
        except AnabranchError:
            raise
        except Exception as error:
            # What the service or the SDK says may hold anything: it is not kept, not even as the cause.
            raise self._sentence(error) from None
        finally:
            _told_here.reset(told)

    def _sentence(self, error: Exception) -> AnabranchError:
        if self._ca is not None and not _holds_certificates(self._ca):
            # It may be gone since the client was configured, and what the SDK raises then names no file.
            return ConfigurationError(f"token_ca: no certificates can be read from {self._ca}")
        service = f"the token service {self._identity.authority}"
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is None:
            return UnavailableError(f"{service} gives no access token: {_kind(error)}")
        code = _CODE.search(str(error))
        if status in _PASSING or status >= 500 or code is None:
            return UnavailableError(f"{service} gives no access token: status {status}")
        meaning = _MEANINGS.get(code.group())
        what = f"{code.group()}, {meaning}" if meaning else code.group()
        return ConfigurationError(f"the token service refuses {self._identity}: {what}")


def _kind(error: Exception) -> str:
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    if "CERTIFICATE_VERIFY" in str(error):
        return "its certificate is not trusted"
    unanswered = isinstance(error, ServiceRequestError | ServiceResponseError)
    return "no answer" if unanswered else "what answers there is no token service"


def _holds_certificates(file: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except OSError:
        return False
    return True


def _check_package() -> None:
    try:
        found = importlib.util.find_spec("azure.identity")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise EnvironmentMissingError(
            "workload identity needs the package azure-identity", hint="pip install 'anabranch[azure]'"
        )


def _required(env: Mapping[str, str], name: str, what: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise ConfigurationError(f"{name} is not set: it must be {what}; {_BY_WEBHOOK}")
    return value


def _is_https(text: str) -> bool:
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return url.scheme == "https" and bool(url.hostname)


class _NotTwice(logging.Filter):
    """Keeps the SDK from telling in its own words, with what the service said, of what is told here."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _told_here.get()


_NOT_TWICE = _NotTwice()


def _silence() -> None:
    logging.getLogger("azure.identity._internal.get_token_mixin").addFilter(_NOT_TWICE)
