"""Reading Blob Storage by workload identity: which blobs there are, and one of them a range at a time."""

from __future__ import annotations

import importlib.util
import io
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

from anabranch.connectors.archive.buckets import SUFFIX
from anabranch.errors import AnabranchError, ConfigurationError, EnvironmentMissingError, UnavailableError
from anabranch.topology.blob_service import BlobService
from anabranch.topology.identity import Credential
from anabranch.topology.store import public_uri

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

__all__ = ["BlobPlace"]

# Of one request: large enough that its way there and back does not count, small beside what Python takes.
_RANGE_BYTES = 4 << 20
# The service mends itself within seconds or not at all; the SDK's own choice begins with a pause of 15 s.
_RETRIES: Mapping[str, Any] = {"retry_total": 6, "initial_backoff": 1, "increment_base": 2}
_TIMES: Mapping[str, Any] = {"connection_timeout": 10, "read_timeout": 30}
# Not as a URL: like Flink, which takes a path as it stands, with any %20 in it.
_URI = re.compile(r"[A-Za-z]+://(?P<container>[^@:/]+)@(?P<host>[^@:/]+)(?P<path>(?:/.*)?)", re.DOTALL)
_REFUSED = (401, 403)
_BEHIND_THE_END = 416
_NO_CONTAINER = "ContainerNotFound"


class BlobPlace:
    """A folder of a container, or one blob in it.

    Args:
        container: Client of the container.
        credential: What it shows.
        folder: Path in it, without a slash at either end; empty for the whole container.
        where: As the user wrote it.
    """

    def __init__(self, container: ContainerClient, credential: Credential, folder: str, where: str) -> None:
        self._container = container
        self._credential = credential
        self._folder = folder
        self._where = where

    @classmethod
    def of(cls, uri: str, env: Mapping[str, str] = os.environ) -> Self:
        """Asks nobody yet.

        Raises:
            ConfigurationError: The URI names no container and account, or the identity is not complete.
            EnvironmentMissingError: The packages are not installed.
        """
        parts = _URI.fullmatch(uri)
        if parts is None:
            raise ConfigurationError(
                "this names no container and account",
                where=public_uri(uri),
                hint="write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH, without a password",
            )
        _check_package()
        from azure.storage.blob import ContainerClient, ExponentialRetry

        service = BlobService.of(parts["host"], env)
        credential = service.credential()
        container = ContainerClient(
            service.endpoint,
            parts["container"],
            credential=credential,
            retry_policy=ExponentialRetry(**_RETRIES),
            connection_verify=True if service.ca is None else service.ca,
            # A part is one request.
            max_single_get_size=_RANGE_BYTES,
            max_chunk_get_size=_RANGE_BYTES,
            **_TIMES,
        )
        return cls(container, credential, "/".join(part for part in parts["path"].split("/") if part), uri)

    @property
    def where(self) -> str:
        """As the user wrote it."""
        return self._where

    @property
    def url(self) -> str:
        """Of the container."""
        return str(self._container.url)

    def names(self, below: str = "") -> Iterator[str]:
        """In the order of their names, as the service lists them, some thousand a request."""
        if self._folder.endswith(SUFFIX):
            yield ""
            return
        start = f"{self._folder}/" if self._folder else ""
        with self.told():
            for name in self._container.list_blob_names(name_starts_with=start + below):
                yield name.removeprefix(start)

    def folders(self) -> list[str]:
        """By one or a few requests, however many blobs there are."""
        start = f"{self._folder}/" if self._folder else ""
        with self.told():
            found = self._container.walk_blobs(name_starts_with=start, delimiter="/")
            return [each.name.removeprefix(start) for each in found if each.name.endswith("/")]

    def open(self, name: str) -> BinaryIO:
        """What is read is one version of the blob, even if another takes its place meanwhile."""
        path = "/".join(part for part in (self._folder, name) if part)
        raw = _BlobRanges(self._container.get_blob_client(path), self)
        return cast("BinaryIO", io.BufferedReader(raw, _RANGE_BYTES))

    def close(self) -> None:
        """Ends the connections, to the service and to the token service."""
        self._container.close()
        self._credential.close()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Within: the SDK's errors in one sentence; what the service says at length is left out."""
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            yield
        except AnabranchError:
            raise
        except HttpResponseError as error:
            raise self._refusal(error.status_code, _code(error)) from None
        except AzureError as error:
            reason = (
                "its certificate is not trusted"
                if "CERTIFICATE_VERIFY" in str(error)
                else "no answer in time"
            )
            raise UnavailableError(
                f"Blob Storage at {self._container.primary_hostname}: {reason}",
                where=self._where,
                hint="is the account's name right, and may this machine reach it?",
            ) from None

    def _refusal(self, status: int | None, code: str) -> AnabranchError:
        if code == _NO_CONTAINER:
            return ConfigurationError(
                f"there is no container {self._container.container_name}",
                where=self._where,
                hint="check the part before the @",
            )
        if status in _REFUSED:
            return ConfigurationError(
                f"Blob Storage refuses this identity: {status} {code}",
                where=self._where,
                hint="give it the role Storage Blob Data Reader on the container; a new role takes minutes",
            )
        if status == 404:
            return ConfigurationError("there is no such blob", where=self._where, hint="check the path")
        return UnavailableError(f"Blob Storage answers {status} {code}".rstrip(), where=self._where)


class _BlobRanges(io.RawIOBase):
    """A blob read from its beginning, a request for each buffer that is filled."""

    def __init__(self, blob: BlobClient, place: BlobPlace) -> None:
        self._blob = blob
        self._place = place
        self._position = 0
        self._size: int | None = None
        self._etag = ""

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._size is not None and self._position >= self._size:
            return 0
        data = self._fetch(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _fetch(self, length: int) -> bytes:
        from azure.core import MatchConditions
        from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError

        same: dict[str, Any] = {}
        if self._etag:
            same = {"etag": self._etag, "match_condition": MatchConditions.IfNotModified}
        with self._place.told():
            try:
                found = self._blob.download_blob(self._position, length, **same)
                data: bytes = found.readall()
            except ResourceModifiedError:
                raise FileNotFoundError("another one has taken its place") from None
            except ResourceNotFoundError as error:
                if _code(error) == _NO_CONTAINER:
                    raise
                raise FileNotFoundError("it is gone") from None
            except HttpResponseError as error:
                if error.status_code != _BEHIND_THE_END:
                    raise
                self._size = self._position  # an empty one
                return b""
        # "bytes 0-99/1234"
        self._size = int(str(found.properties.content_range).rpartition("/")[2])
        self._etag = found.properties.etag
        return data


def _code(error: Exception) -> str:
    """The service's word for it, which the SDK adds to its errors."""
    return str(getattr(error, "error_code", None) or "")


def _check_package() -> None:
    try:
        found = importlib.util.find_spec("azure.storage.blob")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise EnvironmentMissingError(
            "archives in Blob Storage need the package azure-storage-blob",
            hint="pip install 'anabranch[azure]'",
        )
