"""Where an account's Blob Storage is, whom to trust there, and who asks: the same for all in Python that do.

In a cloud the account's name says it all. Elsewhere two variables do, which stand for the options of Flink's
plugin: ``ANABRANCH_BLOB_ENDPOINT_ACCOUNT`` (the account in capitals) and ``ANABRANCH_BLOB_CA_FILE``.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from anabranch.errors import ConfigurationError
from anabranch.topology.identity import Credential, WorkloadIdentity

__all__ = ["BlobService", "flink_blob_options"]

_ENDPOINT = "ANABRANCH_BLOB_ENDPOINT_"
_CA_FILE = "ANABRANCH_BLOB_CA_FILE"
# In all of Microsoft's clouds; those have certificates that every system trusts.
_PUBLIC_TOKEN_SERVICE = "login."  # noqa: S105  (the beginning of a host's name)


@dataclass(frozen=True)
class BlobService:
    """One account's.

    Attributes:
        account: Its name.
        endpoint: An https URL without a slash at its end.
        ca: PEM file with authorities that are trusted there, in place of the system's; None: the system's.
    """

    account: str
    endpoint: str
    ca: str | None
    _env: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, host: str, env: Mapping[str, str] = os.environ) -> Self:
        """Of the host in an ``abfss:`` URI: ``ACCOUNT.dfs.core.windows.net``, or the account alone.

        Raises:
            ConfigurationError: The endpoint is not https, or the file has no certificates.
        """
        account, _, suffix = host.partition(".")
        variable = f"{_ENDPOINT}{account.upper()}"
        # As the plugin has it: of both names of an account's service the one for blobs.
        kind, _, cloud = (suffix or "blob.core.windows.net").partition(".")
        endpoint = env.get(variable) or f"https://{account}.{'blob' if kind == 'dfs' else kind}.{cloud}"
        if urlsplit(endpoint).scheme != "https":
            # A token that is sent in clear is a token given away.
            raise ConfigurationError(f"{variable} must be an https URL")
        service = cls(account, endpoint.rstrip("/"), env.get(_CA_FILE) or None, env)
        service.tls()
        return service

    def tls(self) -> ssl.SSLContext | None:
        """A context that trusts :attr:`ca`; None where the system's will do.

        Raises:
            ConfigurationError: The file has no certificates, or is gone.
        """
        if self.ca is None:
            return None
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(self.ca)
        except OSError as error:  # SSLError is one
            raise ConfigurationError(
                f"{_CA_FILE} names {self.ca}, which has no certificates: {error.strerror or error}"
            ) from None
        return context

    def identity(self) -> WorkloadIdentity:
        """Who asks.

        Raises:
            ConfigurationError: A variable of the identity is missing.
        """
        return WorkloadIdentity.of(self._env)

    def credential(self) -> Credential:
        """What is shown to the service; its token service has the same authority unless it is Microsoft's.

        Raises:
            ConfigurationError: A variable of the identity is missing.
            EnvironmentMissingError: ``anabranch[azure]`` is not installed.
        """
        identity = self.identity()
        host = urlsplit(identity.authority).hostname or ""
        return identity.credential(ca=None if host.startswith(_PUBLIC_TOKEN_SERVICE) else self.ca)


def flink_blob_options(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The options of Flink's plugin that say what this process's environment says of Blob Storage."""
    options = {
        f"fs.azure.blob.endpoint.{name.removeprefix(_ENDPOINT).lower()}": value
        for name, value in env.items()
        if name.startswith(_ENDPOINT) and value
    }
    return options | ({"fs.azure.blob.ca-file": env[_CA_FILE]} if env.get(_CA_FILE) else {})
