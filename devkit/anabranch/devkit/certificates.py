"""Certificates made on the spot: one authority per loop, valid for the loopback interface."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.devkit.state import write_atomically
from anabranch.errors import EnvironmentMissingError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

__all__ = ["Authority"]

# A loop lives for hours; a year spares whoever leaves one up, and stays below what TLS stacks refuse.
_VALID_FOR = datetime.timedelta(days=365)


@dataclass(frozen=True)
class Authority:
    """A certificate authority that signs for brokers and clients of one loop.

    Attributes:
        folder: Where the PEM files go, readable by the owner only.
    """

    folder: Path
    _key: EllipticCurvePrivateKey
    _certificate: x509.Certificate

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """Makes a new authority and writes ``ca.pem``.

        Raises:
            EnvironmentMissingError: The package ``cryptography`` is not installed.
        """
        try:
            from cryptography import x509
            from cryptography.hazmat.primitives.asymmetric import ec
        except ImportError as error:
            raise EnvironmentMissingError(
                "certificates need the package cryptography", hint="pip install 'anabranch[devkit]'"
            ) from error
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("anabranch local authority")
        builder = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        authority = cls(folder, key, _sign(builder, key))
        write_atomically(authority.ca, _pem(authority._certificate), mode=0o644)
        return authority

    @property
    def ca(self) -> Path:
        """The authority's own certificate, for those who verify."""
        return self.folder / "ca.pem"

    def issue(self, name: str, *, valid_for: datetime.timedelta = _VALID_FOR) -> tuple[Path, Path]:
        """Signs for ``name`` on the loopback interface; returns the PEM files (certificate, key).

        ``NAME-both.pem`` beside them holds the key and the chain, as Java's PEM key stores want it.

        Args:
            name: Whom it names.
            valid_for: From now on; below 0 it has expired.
        """
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = (
            _builder(_name(name), self._certificate.subject, key, valid_for)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(self._identifier(), critical=False)
        )
        certificate = _pem(_sign(builder, self._key))
        private = _private_pem(key)
        paths = self.folder / f"{name}.pem", self.folder / f"{name}.key.pem"
        write_atomically(paths[0], certificate, mode=0o644)
        write_atomically(paths[1], private, mode=0o600)
        write_atomically(
            self.folder / f"{name}-both.pem", private + certificate + _pem(self._certificate), mode=0o600
        )
        return paths

    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        """Tells the authorities of two loops apart, which have the same name."""
        from cryptography import x509

        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def _name(text: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    valid_for: datetime.timedelta = _VALID_FOR,
) -> x509.CertificateBuilder:
    from cryptography import x509

    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks of VMs and containers drift
        .not_valid_after(now + valid_for)
    )


def _sign(builder: x509.CertificateBuilder, key: EllipticCurvePrivateKey) -> x509.Certificate:
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode()


def _private_pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization

    encoding = serialization.Encoding.PEM
    return key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
