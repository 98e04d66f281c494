"""The one client of Flink's REST API: what it makes of each kind of answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.running_job import Failure, RunningJob


class _Answers(BaseHTTPRequestHandler):
    """Answers each path with what the test laid there."""

    known: ClassVar[dict[str, tuple[int, bytes]]] = {}

    def do_GET(self) -> None:
        code, body = self.known.get(self.path, (404, b"{}"))
        self.send_response(code)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def answers() -> dict[str, tuple[int, bytes]]:
    _Answers.known = {}
    return _Answers.known


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_flink_refuses_is_told_in_its_words(url: str, answers: dict[str, tuple[int, bytes]]) -> None:
    errors = ["Internal", "org.apache.NotFoundException: Job ab not found\n\tat x.y(Z.java:1)", ""]
    answers["/jobs/ab"] = (404, json.dumps({"errors": errors}).encode())
    with pytest.raises(
        JobError, match=r"refused GET /jobs/ab: org\.apache\.NotFoundException: Job ab not found$"
    ):
        RestClient(url + "/").get("/jobs/ab")


@pytest.mark.parametrize(
    ("code", "body", "says"),
    [(503, b'{"errors": ["initialising"]}', "not ready: initialising"), (200, b"<html>", "does not answer")],
)
def test_a_flink_that_is_not_there_yet_may_be_asked_again(
    url: str, answers: dict[str, tuple[int, bytes]], code: int, body: bytes, says: str
) -> None:
    answers["/overview"] = (code, body)
    with pytest.raises(UnavailableError, match=says) as caught:
        RestClient(url).get("/overview")
    assert caught.value.where == url


def test_failures_come_oldest_first_and_each_once(url: str, answers: dict[str, tuple[int, bytes]]) -> None:
    entries = [{"timestamp": at, "stacktrace": f"trace {at}"} for at in (30, 20, 10)]
    answers["/jobs/ab/exceptions?maxExceptions=20"] = (
        200,
        json.dumps({"exceptionHistory": {"entries": entries}}).encode(),
    )
    job = RunningJob(RestClient(url), "job", "ab")
    assert job.failures(10) == [Failure(20, "trace 20"), Failure(30, "trace 30")]
    assert job.failures(30) == []
