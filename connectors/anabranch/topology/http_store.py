"""A document behind HTTP: GET with ``If-None-Match``, PUT with ``If-Match`` / ``If-None-Match: *``.

Any server with strong ETags will do: a blob store, a WebDAV folder, twenty lines of Python.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from urllib.parse import unquote, urlsplit, urlunsplit

from anabranch.errors import TopologyError, UnavailableError
from anabranch.topology.bounded_http import Bounds, bounded_opener
from anabranch.topology.store import MAX_BYTES, Stored, conflict, public_uri

__all__ = ["HttpStore"]

# One silent socket operation, and one whole exchange: a server that trickles must not hold a poller.
_SOCKET_TIMEOUT_S = 5.0
_DEADLINE_S = 15.0


class HttpStore:
    """One URL."""

    def __init__(
        self, url: str, *, timeout_s: float = _SOCKET_TIMEOUT_S, deadline_s: float = _DEADLINE_S
    ) -> None:
        parts = urlsplit(url)
        user, _, address = parts.netloc.rpartition("@")
        # urllib takes user info for a part of the host's name.
        self._url = urlunsplit(parts._replace(netloc=address, fragment=""))
        self._login = base64.b64encode(unquote(user).encode()).decode() if user else ""
        self._key = url
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s

    @property
    def where(self) -> str:
        """The URL without user info and query."""
        return public_uri(self._url)

    @property
    def key(self) -> str:
        """The whole URL."""
        return self._key

    def read(self, known: Stored | None = None) -> Stored | None:
        """GETs the document; None on 404; ``known`` itself on 304."""
        headers = {"Accept": "application/yaml, application/json, text/plain, */*"}
        if known is not None and known.tag:
            headers["If-None-Match"] = known.tag
        status, answer, body = self._exchange("GET", headers, None)
        if status == 304 and known is not None:
            return known
        if self._is_absent(status, answer):
            return None
        if status != 200:
            raise self._refused("GET", status, answer)
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise TopologyError("the answer is not UTF-8 text", where=self.where) from None
        tag = answer.get("ETag", "")
        return known if known is not None and known == Stored(text, tag) else Stored(text, tag)

    def replace(self, text: str, known: Stored | None) -> Stored:
        """PUTs the document on condition that nobody else did."""
        if known is not None and (not known.tag or known.tag.startswith("W/")):
            raise TopologyError(
                "the server gives no strong ETag, so a safe publication is not possible",
                where=self.where,
                hint="keep the document on a server with strong ETags, or in a file",
            )
        condition = {"If-Match": known.tag} if known is not None else {"If-None-Match": "*"}
        headers = {"Content-Type": "application/yaml", **condition}
        try:
            status, answer, _ = self._exchange("PUT", headers, text.encode("utf-8"))
        except UnavailableError:
            return self._settle(text)
        if self._came_second(status, answer):
            raise conflict(self.where)
        if status >= 500:
            return self._settle(text, status)
        if status not in (200, 201, 204):
            raise self._refused("PUT", status, answer)
        return Stored(text, answer.get("ETag", ""))

    @property
    def _tls(self) -> ssl.SSLContext | None:
        """Whom to trust; None: whom the system trusts."""
        return None

    def _own_headers(self, method: str) -> Mapping[str, str]:
        """Of each request to the server itself, and not for whom a redirect names."""
        return {"Authorization": f"Basic {self._login}"} if self._login else {}

    def _is_absent(self, status: int, answer: Message) -> bool:
        return status in (404, 410)

    def _came_second(self, status: int, answer: Message) -> bool:
        return status in (409, 412)

    def _settle(self, text: str, status: int | None = None) -> Stored:
        # The answer was lost or an error: only the document itself can tell whether it was written.
        try:
            found = self.read()
        except UnavailableError:
            found = None
        if found is not None and found.text == text:
            return found
        answer = f"answered {status}" if status else "did not answer in time"
        raise UnavailableError(
            f"the server {answer}, and does not show the new document",
            where=self.where,
            hint="the write may still arrive: look at the document before applying again",
        )

    def _exchange(
        self, method: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, Message, bytes]:
        request = urllib.request.Request(self._url, data=body, headers=headers, method=method)  # noqa: S310  (http(s) only, see open_store)
        for name, value in self._own_headers(method).items():
            request.add_unredirected_header(name, value)
        bounds = Bounds.from_now(self._timeout_s, self._deadline_s, self.where)
        try:
            with bounded_opener(bounds, self._tls).open(request, timeout=self._timeout_s) as answer:
                return answer.status, answer.headers, self._body(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, b""
        except (http.client.InvalidURL, ValueError):
            # Their own words repeat the URL with its query.
            raise TopologyError("the URL is not valid", where=self.where, hint="check its spelling") from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise UnavailableError(
                f"{method} failed: {reason}", where=self.where, hint="check that the server is up"
            ) from None

    def _body(self, answer: http.client.HTTPResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while chunk := answer.read1(65_536):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BYTES:
                raise TopologyError(f"the answer has more than {MAX_BYTES} bytes", where=self.where)
        announced = answer.headers.get("Content-Length")
        if announced is not None and announced.isdigit() and int(announced) != size:
            # The standard library takes a cut answer for a whole one, and half a document may be valid.
            raise UnavailableError(f"the answer ended after {size} of {announced} bytes", where=self.where)
        return b"".join(chunks)

    def _refused(self, method: str, status: int, answer: Message) -> TopologyError | UnavailableError:
        text = f"{method} was answered with status {status}"
        if status >= 500 or status in (304, 408, 425, 429):
            return UnavailableError(text, where=self.where, hint="try again; look at the server's log")
        return TopologyError(text, where=self.where, hint="check URL and rights")
