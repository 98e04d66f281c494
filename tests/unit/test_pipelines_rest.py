"""The one client of Flink's REST API: what it makes of each kind of answer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.events import Progress
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
    [
        (503, b'{"errors": ["initialising"]}', "not ready: initialising"),
        (
            404,
            b'{"errors": ["org.apache.flink.runtime.rest.handler.RestHandlerException: Cannot connect to'
            b' ResourceManager right now. Please try to refresh.\\n\\tat a.b(C.java:1)"]}',
            r"not ready: .*Cannot connect to ResourceManager right now\. Please try to refresh\.$",
        ),
        (200, b"<html>", "does not answer"),
    ],
)
def test_a_flink_that_is_not_there_yet_may_be_asked_again(
    url: str, answers: dict[str, tuple[int, bytes]], code: int, body: bytes, says: str
) -> None:
    answers["/overview"] = (code, body)
    with pytest.raises(UnavailableError, match=says) as caught:
        RestClient(url).get("/overview")
    assert caught.value.where == url


def test_what_speaks_no_http_is_no_flink() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            with listener.accept()[0] as client:
                client.recv(1000)
                client.sendall(b"220 mail here\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(UnavailableError, match="does not answer: 220 mail here"):
            RestClient(f"http://127.0.0.1:{listener.getsockname()[1]}").get("/overview")
        thread.join()


def test_failures_come_oldest_first_and_each_once(url: str, answers: dict[str, tuple[int, bytes]]) -> None:
    entries = [{"timestamp": at, "stacktrace": f"trace {at}"} for at in (30, 20, 10)]
    answers["/jobs/ab/exceptions?maxExceptions=20"] = (
        200,
        json.dumps({"exceptionHistory": {"entries": entries}}).encode(),
    )
    job = RunningJob(RestClient(url), "job", "ab")
    assert job.failures(10) == [Failure(20, "trace 20"), Failure(30, "trace 30")]
    assert job.failures(30) == []


def test_dead_letters_of_all_operators_are_summed(url: str, answers: dict[str, tuple[int, bytes]]) -> None:
    def says(path: str, body: object) -> None:
        answers[path] = (200, json.dumps(body).encode())

    moved = {"write-records": 3, "read-records": 1}
    vertices = [
        {"id": "v1", "name": "Source: union logs -> decode logs", "status": "RUNNING", "metrics": moved},
        {"id": "v2", "name": "counts: Writer", "status": "RUNNING", "metrics": moved},
        {"id": "v3", "name": "GroupAggregate", "status": "RUNNING", "metrics": moved},
    ]
    says("/jobs/ab", {"state": "RUNNING", "vertices": vertices})
    says("/jobs/ab/checkpoints", {"counts": {"completed": 1}})
    says("/jobs/ab/metrics?get=numRestarts", [])
    for vertex, name, count in (("v1", "decode_logs.deadLetters", 2.0), ("v2", "Writer.deadLetters", 3.0)):
        metrics = f"/jobs/ab/vertices/{vertex}/subtasks/metrics"
        says(metrics, [{"id": "numRecordsIn"}, {"id": name}])
        says(f"{metrics}?get={name}&agg=sum", [{"id": name, "sum": count}])
    says("/jobs/ab/vertices/v3/subtasks/metrics", [])
    assert RunningJob(RestClient(url), "job", "ab").progress() == Progress(
        "job", "RUNNING", 3, 3, 3, 1, 1, 0, 5
    )
