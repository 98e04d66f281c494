"""A document in Azure Blob Storage: HTTP with ETags as :mod:`http_store`, by workload identity.

One GET and one PUT is all that a document needs, so this asks the service itself: Azure's own client has
retries that a document's deadline knows nothing of. Readers in Flink open the same URI by the file-system
plugin.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from email.message import Message
from functools import cached_property
from urllib.parse import quote

from anabranch.errors import ConfigurationError, TopologyError, UnavailableError
from anabranch.topology.blob_service import BlobService
from anabranch.topology.http_store import HttpStore
from anabranch.topology.identity import Credential

__all__ = ["BlobStore"]

_SCOPE = "https://storage.azure.com/.default"
# One that every service of these years knows: tokens need 2017-11-09.
_VERSION = "2021-12-02"
_HOST = re.compile(r"[a-z0-9]{3,24}\.(?:dfs|blob)\..+")
# Of a PUT that came second; other refusals have the same status.
_CAME_SECOND = frozenset({"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet", ""})
_NO_CONTAINER = "ContainerNotFound"
_ROLE = "Storage Blob Data Contributor"


class BlobStore(HttpStore):
    """One blob.

    Args:
        uri: ``abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH``.
        env: Identity, and where the service is if not at Azure.

    Raises:
        ConfigurationError: The URI names no blob.
    """

    def __init__(self, uri: str, env: Mapping[str, str] = os.environ) -> None:
        self._service, path = _parts(uri, env)
        super().__init__(f"{self._service.endpoint}/{path}")
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
    def _credential(self) -> Credential:
        return self._service.credential()

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        return self._service.tls()

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
                f"account {self._service.account} has no such container",
                where=self.where,
                hint="create it, or correct the path",
            )
        if status in (401, 403):
            return TopologyError(
                f"account {self._service.account} refuses {self._service.identity()} ({code or status})",
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


def _parts(uri: str, env: Mapping[str, str]) -> tuple[BlobService, str]:
    """The account's service, and the path of the blob there."""
    scheme, _, rest = uri.partition("://")
    authority, _, path = rest.partition("/")
    container, _, host = authority.rpartition("@")
    if _HOST.fullmatch(host) is None or not container or not path or path.endswith("/"):
        raise ConfigurationError(
            f"'{uri}' names no blob", hint=f"write {scheme}://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH"
        )
    return BlobService.of(host, env), f"{quote(container)}/{quote(path)}"
