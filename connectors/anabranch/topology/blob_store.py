"""A document in Azure Blob Storage: HTTP with ETags as :mod:`http_store`, by workload identity.

One GET and one PUT is all that a document needs, so this asks the service itself; Azure's own client would
bring 5 MB more and a second way of waiting. Readers in Flink open the same URI by the file-system plugin.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from email.message import Message
from functools import cached_property
from urllib.parse import quote, urlsplit

from anabranch.errors import ConfigurationError, TopologyError, UnavailableError
from anabranch.topology.http_store import HttpStore
from anabranch.topology.identity import Credential, WorkloadIdentity

__all__ = ["BlobStore", "flink_blob_options"]

# What the plugin's options are to Flink; both are for services that are not Azure's own.
_ENDPOINT = "ANABRANCH_BLOB_ENDPOINT_"
_CA_FILE = "ANABRANCH_BLOB_CA_FILE"

_SCOPE = "https://storage.azure.com/.default"
# One that every service of these years knows: tokens need 2017-11-09.
_VERSION = "2021-12-02"
_HOST = re.compile(r"([a-z0-9]{3,24})\.(?:dfs|blob)\.(.+)")
# In all of Microsoft's clouds; those have certificates that every system trusts.
_PUBLIC_TOKEN_SERVICE = "login."  # noqa: S105  (the beginning of a host's name)
# Of a PUT that came second; other refusals have the same status.
_CAME_SECOND = frozenset({"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet", ""})
_NO_CONTAINER = "ContainerNotFound"
_ROLE = "Storage Blob Data Contributor"


def flink_blob_options(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The options of Flink's plugin that say what this process's environment says of Blob Storage.

    Args:
        env: With ``ANABRANCH_BLOB_ENDPOINT_ACCOUNT``, the account in capitals, and
            ``ANABRANCH_BLOB_CA_FILE``.
    """
    options = {
        f"fs.azure.blob.endpoint.{name.removeprefix(_ENDPOINT).lower()}": value
        for name, value in env.items()
        if name.startswith(_ENDPOINT) and value
    }
    return options | ({"fs.azure.blob.ca-file": env[_CA_FILE]} if env.get(_CA_FILE) else {})


class BlobStore(HttpStore):
    """One blob.

    Args:
        uri: ``abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH``.
        env: Identity, and where the service is if not at Azure.

    Raises:
        ConfigurationError: The URI names no blob.
    """

    def __init__(self, uri: str, env: Mapping[str, str] = os.environ) -> None:
        self._account, url = _parts(uri, env)
        super().__init__(url)
        self._env = env
        self._uri = uri

    @property
    def where(self) -> str:
        """The URI, which holds no secret."""
        return self._uri

    @property
    def key(self) -> str:
        """The URI, by which the JVM caches the document too."""
        return self._uri

    @cached_property
    def _identity(self) -> WorkloadIdentity:
        return WorkloadIdentity.of(self._env)

    @cached_property
    def _credential(self) -> Credential:
        host = urlsplit(self._identity.authority).hostname or ""
        # A file without certificates is told of first, since the SDK's word for it would be "no answer".
        own = self._ca if self._tls is not None and not host.startswith(_PUBLIC_TOKEN_SERVICE) else None
        return self._identity.credential(ca=own)

    @property
    def _ca(self) -> str | None:
        return self._env.get(_CA_FILE) or None

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        if self._ca is None:
            return None
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(self._ca)
        except OSError as error:  # SSLError is one
            raise ConfigurationError(
                f"{_CA_FILE} names {self._ca}, which has no certificates: {error.strerror or error}"
            ) from None
        return context

    def _own_headers(self, method: str) -> Mapping[str, str]:
        token = self._credential.get_token(_SCOPE).token
        headers = {"Authorization": f"Bearer {token}", "x-ms-version": _VERSION}
        return headers | ({"x-ms-blob-type": "BlockBlob"} if method == "PUT" else {})

    def _is_absent(self, status: int, answer: Message) -> bool:
        return status == 404 and _code(answer) != _NO_CONTAINER

    def _came_second(self, status: int, answer: Message) -> bool:
        return status in (409, 412) and _code(answer) in _CAME_SECOND

    def _refused(self, method: str, status: int, answer: Message) -> TopologyError | UnavailableError:
        code = _code(answer)
        if code == _NO_CONTAINER:
            return TopologyError(
                f"account {self._account} has no such container",
                where=self.where,
                hint="create it, or correct the path",
            )
        if status in (401, 403):
            return TopologyError(
                f"account {self._account} refuses {self._identity} ({code or status})",
                where=self.where,
                hint=f"give it the role {_ROLE} on the account or container (to read: Storage Blob Data "
                "Reader), and see that its network is let in",
            )
        if code:
            text = f"{method} was answered with status {status} ({code})"
            kind = UnavailableError if status >= 500 or status in (408, 429) else TopologyError
            return kind(text, where=self.where)
        return super()._refused(method, status, answer)


def _code(answer: Message) -> str:
    """The service's own word for what is wrong; empty where something else answered."""
    return str(answer.get("x-ms-error-code", ""))


def _parts(uri: str, env: Mapping[str, str]) -> tuple[str, str]:
    """The account, and the URL of the blob."""
    scheme, _, rest = uri.partition("://")
    authority, _, path = rest.partition("/")
    container, _, host = authority.rpartition("@")
    found = _HOST.fullmatch(host)
    if found is None or not container or not path or path.endswith("/"):
        raise ConfigurationError(
            f"'{uri}' names no blob", hint=f"write {scheme}://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH"
        )
    account, cloud = found[1], found[2]
    endpoint = env.get(f"{_ENDPOINT}{account.upper()}") or f"https://{account}.blob.{cloud}"
    if urlsplit(endpoint).scheme != "https":
        # A token that is sent in clear is a token given away.
        raise ConfigurationError(f"{_ENDPOINT}{account.upper()} must be an https URL")
    return account, f"{endpoint.rstrip('/')}/{quote(container)}/{quote(path)}"
