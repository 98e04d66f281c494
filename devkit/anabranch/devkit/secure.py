"""How clients of a loop authenticate: SCRAM over TLS, or mutual TLS."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anabranch.devkit.certificates import Authority
from anabranch.devkit.state import write_atomically

__all__ = ["Credentials", "SecureKind"]

SecureKind = Literal["scram", "mtls"]
_CLIENT = "alice"
_BROKER = "broker"  # the broker's own user, for what it sends to itself
_MECHANISM = "SCRAM-SHA-512"


@dataclass(frozen=True)
class Credentials:
    """Certificates and passwords of one loop, as files below ``folder``.

    Attributes:
        kind: ``scram`` (SASL_SSL with SCRAM-SHA-512) or ``mtls`` (TLS on both sides).
        folder: Where the files are; secrets in it are readable by the owner only.
    """

    kind: SecureKind
    folder: Path

    @classmethod
    def create(cls, kind: SecureKind, folder: Path) -> Credentials:
        """Makes an authority, certificates and passwords."""
        authority = Authority.create(folder)
        authority.issue(_BROKER)
        if kind == "mtls":
            authority.issue(_CLIENT)
        else:
            for user in (_CLIENT, _BROKER):
                write_atomically(folder / f"{user}.password", secrets.token_urlsafe(24), mode=0o600)
        return cls(kind, folder)

    @property
    def protocol(self) -> str:
        """Kafka's name of the listener's protocol."""
        return "SASL_SSL" if self.kind == "scram" else "SSL"

    def auth(self) -> dict[str, str]:
        """The auth block of the topology document: references, no secrets."""
        ca = f"file:{self.folder / 'ca.pem'}"
        if self.kind == "mtls":
            certificate = f"file:{self.folder / f'{_CLIENT}.pem'}"
            return {
                "type": "mtls",
                "certificate": certificate,
                "key": f"file:{self.folder / f'{_CLIENT}.key.pem'}",
                "ca": ca,
            }
        password = f"file:{self.folder / f'{_CLIENT}.password'}"
        return {"type": "scram", "username": _CLIENT, "password": password, "mechanism": _MECHANISM, "ca": ca}

    def server_properties(self, listener: str) -> dict[str, str]:
        """The broker's side of it, for the listener of that name."""
        tls = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.folder / f"{_BROKER}-both.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.folder / "ca.pem"),
        }
        if self.kind == "mtls":
            return {**tls, "ssl.client.auth": "required"}
        login = (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{_BROKER}" password="{self._password(_BROKER)}";'
        )
        return {
            **tls,
            "sasl.enabled.mechanisms": _MECHANISM,
            "sasl.mechanism.inter.broker.protocol": _MECHANISM,
            f"listener.name.{listener.lower()}.{_MECHANISM.lower()}.sasl.jaas.config": login,
        }

    @contextlib.contextmanager
    def format_arguments(self, folder: Path) -> Iterator[list[str]]:
        """Arguments of the format tool that create the users, good within the block.

        Anybody may read a command line, so the passwords are in a file of ``folder`` that only the owner can
        read: the tool takes ``@FILE`` for arguments, one a line.
        """
        if self.kind == "mtls":
            yield []
            return
        users = [f"{_MECHANISM}=[name={user},password={self._password(user)}]" for user in (_CLIENT, _BROKER)]
        file = folder / "format.arguments"
        write_atomically(file, "".join(f"--add-scram\n{user}\n" for user in users), mode=0o600)
        try:
            yield [f"@{file}"]
        finally:
            file.unlink()

    def _password(self, user: str) -> str:
        return (self.folder / f"{user}.password").read_text()
