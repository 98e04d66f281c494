"""Flink's REST API: the one client of it, which a run, the devkit and the demo build on."""

from __future__ import annotations

import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from anabranch.errors import JobError, UnavailableError

__all__ = ["FINAL_STATES", "RestClient", "root_cause"]

FINAL_STATES = frozenset({"FINISHED", "CANCELED", "FAILED"})
"""Those that a job does not leave any more."""

# A JobManager that has just started says 503, but its endpoints of TaskManagers say 404 and this.
_NOT_YET = "Cannot connect to ResourceManager right now"
# Flink takes 4,096 characters of a request's first line, and answers 404 to more.
_QUERY_CHARACTERS = 3_000


class RestClient:
    """A client of one JobManager; without state, so safe to share between threads.

    Args:
        url: As in ``http://127.0.0.1:8081``.
        timeout_s: For each request.
    """

    def __init__(self, url: str, *, timeout_s: float = 10) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        # A proxy has a loopback of its own, on which this Flink is not.
        proxies = urllib.request.ProxyHandler({} if _is_loopback(self.url) else None)
        self._opener = urllib.request.build_opener(proxies)

    def get(self, path: str) -> Any:
        """The decoded answer of a GET.

        Raises:
            UnavailableError: Flink does not answer, or is not ready.
            JobError: It refuses.
        """
        return self._call("GET", path)

    def post(self, path: str, body: Any) -> Any:
        """The decoded answer of a POST; raises the same."""
        return self._call("POST", path, body)

    def metrics_of(self, path: str, names: Iterable[str], how: str = "") -> list[dict[str, Any]]:
        """The answers about these metrics, asked for in as many requests as Flink needs.

        Args:
            path: Of a list of metrics, as in ``/jobs/ab/vertices/cd/metrics``.
            names: As that list has them.
            how: What is added to each query, as in ``&agg=sum``.
        """
        return [each for some in _pieces(map(quote, names)) for each in self.get(f"{path}?get={some}{how}")]

    def jobs_that_go_on(self) -> list[dict[str, Any]]:
        """Those that have not ended, as Flink describes them: ``jid``, ``name``, ``state``, and so on."""
        return [job for job in self.get("/jobs/overview")["jobs"] if job["state"] not in FINAL_STATES]

    def checkpoints(self, job_id: str) -> dict[str, Any]:
        """Counts, the latest of each kind, and history."""
        found: dict[str, Any] = self.get(f"/jobs/{job_id}/checkpoints")
        return found

    def exceptions(self, job_id: str, *, limit: int = 5) -> list[dict[str, Any]]:
        """The latest failures, newest first: ``exceptionName``, ``stacktrace``, and so on."""
        found = self.get(f"/jobs/{job_id}/exceptions?maxExceptions={limit}")
        entries: list[dict[str, Any]] = found["exceptionHistory"]["entries"]
        return entries

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310  (the URL is our own JobManager's)
            self.url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                text = answer.read()
            return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            reason = _first_error(error)
            if error.code == HTTPStatus.SERVICE_UNAVAILABLE or _NOT_YET in reason:
                raise UnavailableError(f"Flink is not ready: {reason}", where=self.url) from error
            raise JobError(f"Flink refused {method} {path}: {reason}", where=self.url) from error
        # Somebody answers, but not in JSON or not even in HTTP, so it is not Flink.
        except (OSError, ValueError, HTTPException) as error:
            # urllib wraps what the system says.
            told = error.reason if isinstance(error, urllib.error.URLError) else error
            raise UnavailableError(f"Flink does not answer: {told}", where=self.url) from error


def root_cause(trace: str) -> str:
    """The line of a printed Java stack trace that says what went wrong first."""
    lines = trace.splitlines()
    causes = [line for line in lines if line.startswith("Caused by: ")]
    return causes[-1].removeprefix("Caused by: ") if causes else lines[0]


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, or no URL at all, which is told when it is asked
        return False


def _pieces(names: Iterable[str]) -> Iterator[str]:
    """Names joined by commas, in pieces of a length that Flink takes."""
    piece = ""
    for name in names:
        if piece and len(piece) + len(name) > _QUERY_CHARACTERS:
            yield piece
            piece = ""
        piece = f"{piece},{name}" if piece else name
    if piece:
        yield piece


def _first_error(error: urllib.error.HTTPError) -> str:
    with error:
        text = error.read().decode(errors="replace")
    try:
        lines = json.loads(text)["errors"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
    return str(next((line for line in reversed(lines) if line.strip()), f"HTTP {error.code}")).splitlines()[0]
