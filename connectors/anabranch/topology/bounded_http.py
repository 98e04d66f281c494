"""An exchange by ``urllib`` that ends at a deadline, whichever part of the answer a server stretches.

A socket's timeout is for one read alone: a server that sends a byte of a header now and then is read from for
ever. So each read of an answer, its head included, waits for no longer than is left of the whole.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from anabranch.errors import UnavailableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Bounds", "bounded_opener"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long an exchange may take.

    Attributes:
        timeout_s: One read.
        deadline_s: All of it, redirects and the answer of a proxy included.
        end_s: When that is over, on the monotonic clock.
        where: The URL, for the error.
    """

    timeout_s: float
    deadline_s: float
    end_s: float
    where: str

    @classmethod
    def from_now(cls, timeout_s: float, deadline_s: float, where: str) -> Self:
        """Of an exchange that begins now."""
        return cls(timeout_s, deadline_s, time.monotonic() + deadline_s, where)

    def left_s(self) -> float:
        """How long the next read may take.

        Raises:
            UnavailableError: The deadline is over.
        """
        left_s = self.end_s - time.monotonic()
        if left_s <= 0:
            raise UnavailableError(f"no whole answer within {self.deadline_s:g} s", where=self.where)
        return min(left_s, self.timeout_s)


def bounded_opener(bounds: Bounds, tls: ssl.SSLContext | None = None) -> urllib.request.OpenerDirector:
    """What ``urlopen`` uses, proxies included, but for the bounds.

    Args:
        bounds: Of one exchange.
        tls: Whom to trust; None: whom the system trusts.
    """
    return urllib.request.build_opener(_Handler(bounds), _TlsHandler(bounds, tls))


class _Handler(urllib.request.HTTPHandler):
    def __init__(self, bounds: Bounds) -> None:
        super().__init__()
        self._bounds = bounds

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(host: str, **settings: Any) -> http.client.HTTPConnection:
            return _bounded(http.client.HTTPConnection(host, **settings), self._bounds)

        return self.do_open(connection, req)


class _TlsHandler(urllib.request.HTTPSHandler):
    def __init__(self, bounds: Bounds, tls: ssl.SSLContext | None) -> None:
        super().__init__()
        self._bounds = bounds
        self._tls = tls

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(host: str, **settings: Any) -> http.client.HTTPConnection:
            if self._tls is not None:
                settings["context"] = self._tls
            return _bounded(http.client.HTTPSConnection(host, **settings), self._bounds)

        return self.do_open(connection, req)


def _bounded(connection: http.client.HTTPConnection, bounds: Bounds) -> http.client.HTTPConnection:
    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **settings: Any) -> None:
            super().__init__(sock, *args, **settings)
            # Nothing of it has been read yet.
            self.fp.close()
            self.fp = io.BufferedReader(_Reader(sock, bounds))

    connection.response_class = Response
    return connection


class _Reader(io.RawIOBase):
    """Reads a socket, and keeps it open until it is closed itself, as ``socket.makefile`` does."""

    def __init__(self, sock: socket.socket, bounds: Bounds) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._bounds = bounds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        self._sock.settimeout(self._bounds.left_s())
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            # It is the deadline that is over, if it is, which says more.
            self._bounds.left_s()
            raise

    def close(self) -> None:
        self._raw.close()
        super().close()
