"""A stand-in for the token service of a cloud, and for the cluster that signs pods' tokens.

::

    python -m anabranch.devkit.token_service PORT CERTIFICATE KEY TOKEN_FILE ROTATE_EVERY_S

It writes a federated token to ``TOKEN_FILE``, as Kubernetes does for a pod, replaces it every so many seconds
(0: never), and changes it for an access token to Blob Storage or to Kafka (Event Hubs) by the
client-credentials flow of OAuth 2.0 with a JWT as assertion (RFC 7523), as Microsoft's does. The one before
is taken, too, until the next comes: a client may have read it just before. Nobody signs the federated token:
so this is for tests and laptops, and listens on the loopback interface. Access tokens are signed; the key to
verify them by is in ``keys.json`` (RFC 7517) beside ``TOKEN_FILE``. Kafka's brokers use it; Azurite checks
issuer, audience and times only.

What a test changes, it asks for: ``POST /control?lifetime_s=10&status=200`` sets how long access tokens
live and what every request is answered with, ``POST /control?rotate`` replaces the federated token, and the
one before is refused from then on. Both answer with what has been asked so far.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from anabranch.devkit.state import write_atomically

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["CLIENT_ID", "ISSUER", "KAFKA", "TENANT_ID", "TokenService", "access_token"]

CLIENT_ID = "11111111-1111-4111-8111-111111111111"
TENANT_ID = "22222222-2222-4222-8222-222222222222"
KAFKA = "https://anabranch.servicebus.windows.net"
"""The audience of tokens for Kafka; their scope is this and ``/.default``."""
_STORAGE = "https://storage.azure.com"
ISSUER = f"https://sts.windows.net/{TENANT_ID}/"  # one of those that Azurite takes
_LIFETIME_S = 3600
_KEY_ID = "1"
_KEY_BITS = 2048
# Kept from clients: a token that has just expired may still be on its way.
_GRACE_S = 5
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class TokenService:
    """What it gives, and what has been asked of it; used by many threads.

    Attributes:
        token_file: Where the federated token is.
        lifetime_s: How long an access token lives.
        status: What each request for a token is answered with.
        given: How many access tokens have been given.
        refused: How many requests have been refused.
    """

    token_file: Path
    lifetime_s: int = _LIFETIME_S
    status: int = 200
    given: int = 0
    refused: int = 0
    _federated: tuple[str, ...] = ()
    _key: RSAPrivateKey = field(init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        self._key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        numbers = self._key.public_key().public_numbers()
        verifier = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": _KEY_ID}
        public = {**verifier, "n": _base64(numbers.n.to_bytes(_KEY_BITS // 8)), "e": "AQAB"}
        write_atomically(self.token_file.with_name("keys.json"), json.dumps({"keys": [public]}))

    def rotate(self, *, keep_last: bool = False) -> None:
        """Replaces the federated token; the one before is refused from now on unless ``keep_last``."""
        with self._lock:
            new = _token({"iss": "https://cluster.invalid/", "jti": secrets.token_hex(8)})
            self._federated = (new, *self._federated[:1]) if keep_last else (new,)
            write_atomically(self.token_file, new, mode=0o600)

    def keep_rotating(self, every_s: float) -> None:
        """Does so for ever, as Kubernetes does for a pod."""
        while True:
            time.sleep(every_s)
            self.rotate(keep_last=True)

    def control(self, wanted: dict[str, list[str]]) -> dict[str, int]:
        """Changes what is asked for; tells how many tokens were given and refused."""
        if "rotate" in wanted:
            self.rotate()
        with self._lock:
            self.lifetime_s = int(wanted.get("lifetime_s", [str(self.lifetime_s)])[0])
            self.status = int(wanted.get("status", [str(self.status)])[0])
            return {"given": self.given, "refused": self.refused}

    def answer(self, path: str, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer to a request for an access token."""
        with self._lock:
            trouble = self._trouble(path, {name: values[0] for name, values in form.items()})
            if trouble is not None:
                self.refused += 1
                return trouble
            self.given += 1
            body = {
                "token_type": "Bearer",
                "expires_in": self.lifetime_s,
                "access_token": access_token(
                    self.lifetime_s + _GRACE_S, form["scope"][0].partition("/.default")[0], self._key
                ),
            }
            return 200, body

    def _trouble(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]] | None:
        if self.status != 200:
            return self.status, {"error": "temporarily_unavailable"}
        if path != f"/{TENANT_ID}/oauth2/v2.0/token":
            return _refusal("AADSTS90002", "no such tenant")
        if form.get("client_id") != CLIENT_ID:
            return _refusal("AADSTS700016", "no such client")
        if form.get("scope", "").split(" ")[0] not in (f"{_STORAGE}/.default", f"{KAFKA}/.default"):
            return _refusal("AADSTS70011", "no such scope")
        if form.get("grant_type") != "client_credentials" or (
            form.get("client_assertion_type") != _ASSERTION_TYPE
        ):
            return _refusal("AADSTS900144", "this is not how a pod asks")
        if form.get("client_assertion") not in self._federated:
            return _refusal("AADSTS700213", "no federated credential matches")
        return None


def access_token(lifetime_s: int, audience: str = _STORAGE, key: RSAPrivateKey | None = None) -> str:
    """A token that Azurite takes; signed, brokers take it too."""
    now = int(time.time())
    times = {"iat": now, "nbf": now - 5, "exp": now + lifetime_s}
    return _token({"aud": audience, "iss": ISSUER, "sub": CLIENT_ID, **times}, key)


def _token(claims: dict[str, Any], key: RSAPrivateKey | None = None) -> str:
    header = {"typ": "JWT", **({"alg": "RS256", "kid": _KEY_ID} if key else {"alg": "none"})}
    text = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{'unsigned' if key is None else _base64(_signature(key, text.encode()))}"


def _signature(key: RSAPrivateKey, text: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return key.sign(text, PKCS1v15(), SHA256())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _refusal(code: str, why: str) -> tuple[int, dict[str, Any]]:
    return 401, {"error": "invalid_client", "error_description": f"{code}: {why}"}


class _Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers; the log gets no query and no token."""

    protocol_version = "HTTP/1.1"
    service: TokenService

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        if url.path == "/control":
            self._send(200, self.service.control(parse_qs(url.query, keep_blank_values=True)))
        else:
            self._send(*self.service.answer(url.path, parse_qs(body)))

    def _send(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _serve(port: int, certificate: Path, key: Path, token_file: Path, rotate_every_s: float) -> None:
    """Serves until the process ends."""
    service = TokenService(token_file)
    service.rotate()
    if rotate_every_s > 0:
        threading.Thread(target=service.keep_rotating, args=(rotate_every_s,), daemon=True).start()
    handler = type("Handler", (_Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # The handshake is left to the request's own thread, else one silent client holds up all others.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    _serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), float(sys.argv[5]))
