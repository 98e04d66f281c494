"""Certificates made on the spot hold in a real TLS handshake."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from anabranch.devkit.certificates import Authority


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> str:
    """Name in the client's certificate as the server saw it; raises what the client saw."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[str] = []

    def serve() -> None:
        connection, _ = listener.accept()
        try:
            with server.wrap_socket(connection, server_side=True) as wrapped:
                subject = dict(pair[0] for pair in (wrapped.getpeercert() or {}).get("subject", ()))  # type: ignore[misc]
                seen.append(str(subject.get("commonName", "")))
                wrapped.sendall(b"x")
        except (ssl.SSLError, ConnectionError):
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with (
            socket.create_connection(listener.getsockname(), timeout=20) as raw,
            client.wrap_socket(raw, server_hostname="127.0.0.1") as wrapped,
        ):
            assert wrapped.recv(1) == b"x"
    finally:
        thread.join()
        listener.close()
    return seen[0]


def server_context(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca))
    context.load_cert_chain(*authority.issue("broker"))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_both_sides_accept_each_other(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "secrets")
    client = ssl.create_default_context(cafile=str(authority.ca))
    client.load_cert_chain(*authority.issue("alice"))
    assert shake_hands(server_context(authority), client) == "alice"


def test_another_authority_is_refused(tmp_path: Path) -> None:
    authority, stranger = Authority.create(tmp_path / "a"), Authority.create(tmp_path / "b")
    client = ssl.create_default_context(cafile=str(stranger.ca))
    client.load_cert_chain(*stranger.issue("mallory"))
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        shake_hands(server_context(authority), client)


def test_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path / "secrets")
    certificate, key = authority.issue("broker")
    both = tmp_path / "secrets" / "broker-both.pem"
    assert [path.stat().st_mode & 0o777 for path in (key, both, certificate)] == [0o600, 0o600, 0o644]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert both.read_text().count("BEGIN CERTIFICATE") == 2
