"""A stand-in for the token service of a cloud, and for the cluster that signs pods' tokens.

::

    python -m anabranch.devkit.token_service PORT CERTIFICATE KEY TOKEN_FILE ROTATE_EVERY_S

It writes a federated token to ``TOKEN_FILE``, as Kubernetes does for a pod, replaces it every so many seconds
(0: never), and changes it for an access token to Blob Storage by the client-credentials flow of OAuth 2.0
with a JWT as assertion (RFC 7523), as Microsoft's does. The one before is taken, too, until the next comes: a
client may have read it just before. Nothing is signed: Azurite checks issuer, audience and times only. So
this is for tests and laptops, and listens on the loopback interface.

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
from typing import Any
from urllib.parse import parse_qs, urlsplit

from anabranch.devkit.state import write_atomically

__all__ = ["CLIENT_ID", "TENANT_ID", "TokenService", "access_token"]

CLIENT_ID = "11111111-1111-4111-8111-111111111111"
TENANT_ID = "22222222-2222-4222-8222-222222222222"
_AUDIENCE = "https://storage.azure.com"
_ISSUER = f"https://sts.windows.net/{TENANT_ID}/"  # one of those that Azurite takes
_LIFETIME_S = 3600
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
    _lock: threading.Lock = field(default_factory=threading.Lock)

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
                "access_token": access_token(self.lifetime_s + _GRACE_S),
            }
            return 200, body

    def _trouble(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]] | None:
        if self.status != 200:
            return self.status, {"error": "temporarily_unavailable"}
        if path != f"/{TENANT_ID}/oauth2/v2.0/token":
            return _refusal("AADSTS90002", "no such tenant")
        if form.get("client_id") != CLIENT_ID:
            return _refusal("AADSTS700016", "no such client")
        if form.get("scope", "").split(" ")[0] != f"{_AUDIENCE}/.default":
            return _refusal("AADSTS70011", "no such scope")
        if form.get("grant_type") != "client_credentials" or (
            form.get("client_assertion_type") != _ASSERTION_TYPE
        ):
            return _refusal("AADSTS900144", "this is not how a pod asks")
        if form.get("client_assertion") not in self._federated:
            return _refusal("AADSTS700213", "no federated credential matches")
        return None


def access_token(lifetime_s: int) -> str:
    """A token for Blob Storage that Azurite takes."""
    now = int(time.time())
    return _token({"aud": _AUDIENCE, "iss": _ISSUER, "iat": now, "nbf": now - 5, "exp": now + lifetime_s})


def _token(claims: dict[str, Any]) -> str:
    parts = [{"alg": "none", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "unsigned"])


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
