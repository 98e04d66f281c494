"""The one client of Flink's REST API: what it makes of each kind of answer."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import astuple
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import pytest

from anabranch.devkit.flink_rest import FlinkRest
from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.events import Progress
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.running_job import Failure, RunningJob
from tests.unit.serving import serving


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
    with serving(_Answers) as address:
        yield f"http://{address}"


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


Says = Callable[[str, object], None]
COORDINATOR = "/jobs/ab/vertices/v1/jm-operator-metrics"
PROBED = {"a": 1, "b": 1, "c": 0, "d": 0, "e": -1}
METRICS = "/jobs/ab/vertices/{}/subtasks/metrics"


@pytest.fixture
def says(answers: dict[str, tuple[int, bytes]]) -> Says:
    """Makes Flink tell of a job with a source v1, a sink v2 and something in between."""

    def say(path: str, body: object) -> None:
        answers[path] = (200, json.dumps(body).encode())

    moved = {"write-records": 3, "read-records": 1}
    vertices = [
        {"id": "v1", "name": "Source: union logs -> decode logs", "status": "RUNNING", "metrics": moved},
        {"id": "v2", "name": "counts: Writer", "status": "RUNNING", "metrics": moved},
        {"id": "v3", "name": "GroupAggregate", "status": "RUNNING", "metrics": moved},
    ]
    say("/jobs/ab", {"state": "RUNNING", "vertices": vertices})
    latest = {"completed": None, "failed": None}
    say("/jobs/ab/checkpoints", {"counts": {"completed": 1}, "latest": latest})
    say("/jobs/ab/metrics?get=numRestarts", [])
    say(COORDINATOR, [])
    for vertex in ("v1", "v2", "v3"):
        say(METRICS.format(vertex), [{"id": "numRecordsIn"}])
    return say


def say_metrics(says: Says, vertex: str, values: dict[str, tuple[float, float]]) -> None:
    """Each with its least and its total over the subtasks."""
    metrics = METRICS.format(vertex)
    says(metrics, [{"id": "numRecordsIn"}, *({"id": name} for name in values)])
    answer = [{"id": name, "min": least, "sum": total} for name, (least, total) in values.items()]
    says(f"{metrics}?get={','.join(values)}&agg=min,sum", answer)


def test_dead_letters_of_all_operators_are_summed(url: str, says: Says) -> None:
    say_metrics(says, "v1", {"decode_logs.deadLetters": (0.0, 2.0)})
    say_metrics(says, "v2", {"Writer.deadLetters": (1.0, 3.0)})
    assert RunningJob(RestClient(url), "job", "ab").progress() == Progress(
        "job", "RUNNING", 3, 3, 3, 1, 1, 0, 5
    )


def test_late_and_degraded_records_are_counted_by_themselves(url: str, says: Says) -> None:
    say_metrics(says, "v1", {"decode_logs.lateRecords": (1.0, 4.0), "decode_logs.deadLetters": (0.0, 2.0)})
    say_metrics(says, "v2", {"Writer.degraded": (0.0, 7.0), "Writer.repeatedIds": (0.0, 8.0)})
    now = RunningJob(RestClient(url), "job", "ab").progress()
    assert (now.late_records, now.dead_letters, now.degraded, now.repeated_ids) == (4, 2, 7, 8)


def test_primaries_are_as_all_who_use_them_find_them(url: str, says: Says) -> None:
    def reader(primary: str, up: tuple[int, int], parked: int, lag: int) -> dict[str, tuple[float, float]]:
        values = {
            "up": up,
            "parked": (0, parked),
            "lag": (0, lag),
            "lostRanges": (0, 1),
            "lostRecords": (0, 5),
        }
        return {f"Source__union_logs.primary.{primary}.{what}": value for what, value in values.items()}

    # One of two subtasks has no partition of c, and does not ask it.
    say_metrics(says, "v1", reader("a", (1, 2), 0, 7) | reader("b", (0, 1), 4, 9) | reader("c", (0, 1), 0, 2))
    say_metrics(says, "v2", {"Writer.primary.a.up": (0, 0), "Writer.primary.f.up": (1, 1)})
    # What it does not reach is away only where no reader knows better: c is read to its end.
    # It has met d, which was not there when the readers began, and e until the topology left it out.
    enumerator = "Source__union_logs.coordinator.enumerator.primary"
    probed: dict[str, object] = {f"{enumerator}.{name}.up": up for name, up in PROBED.items()}
    probed |= {
        f"{enumerator}.{name}.trouble": "" if up else f"no way to {name}" for name, up in PROBED.items()
    }
    says(COORDINATOR, [{"id": name} for name in probed])
    asked = [{"id": name, "value": str(value)} for name, value in probed.items()]
    says(f"{COORDINATOR}?get={','.join(probed)}", asked)
    primaries = RunningJob(RestClient(url), "job", "ab").progress().primaries
    assert [astuple(primary)[:4] for primary in primaries] == [
        # name, in the topology, answers, takes
        ("a", True, True, False),
        ("b", True, False, None),
        ("c", True, True, None),
        ("d", True, False, None),
        ("e", False, True, None),
        ("f", True, None, True),
    ]
    assert [astuple(primary)[4:7] for primary in primaries[:3]] == [(0, 7, 1), (4, 9, 1), (0, 2, 1)]
    assert [primary.lost_records for primary in primaries[:3]] == [5, 5, 5]
    assert [primary.trouble for primary in primaries[2:5]] == ["no way to c", "no way to d", ""]
    assert [primary.up for primary in primaries] == [False, False, True, False, True, True]


def test_metrics_are_asked_for_rarely_until_the_job_has_ended(url: str, says: Says) -> None:
    job = RunningJob(RestClient(url), "job", "ab")
    say_metrics(says, "v2", {"Writer.deadLetters": (1.0, 3.0)})
    assert job.progress().dead_letters == 3
    say_metrics(says, "v2", {"Writer.deadLetters": (1.0, 4.0)})
    assert job.progress().dead_letters == 3
    sink = {"id": "v2", "name": "counts", "status": "FINISHED", "metrics": {}}
    says("/jobs/ab", {"state": "FINISHED", "vertices": [sink]})
    assert job.progress().dead_letters == 4


def test_metrics_are_asked_for_in_pieces_that_flink_takes(url: str, says: Says) -> None:
    names = [f"operator_{'x' * 80}_{number:02}.deadLetters" for number in range(60)]
    says(METRICS.format("v2"), [{"id": name} for name in names])
    for first in (0, 28, 56):
        piece = names[first : first + 28]
        answer = [{"id": name, "min": 0.0, "sum": 1.0} for name in piece]
        says(f"{METRICS.format('v2')}?get={','.join(piece)}&agg=min,sum", answer)
    assert RunningJob(RestClient(url), "job", "ab").progress().dead_letters == 60


def test_offsets_of_many_primaries_are_asked_for_in_such_pieces_too(
    url: str, answers: dict[str, tuple[int, bytes]]
) -> None:
    operator = "0.Source__union_training_logs.kafkaCluster"
    names = [
        f"{operator}.{p}.KafkaSourceReader.topic.training-logs.partition.{n}.currentOffset"
        for p in "abcdefgh"
        for n in range(8)
    ]

    class Flink(FlinkRest):
        """Notes how long the lines were."""

        lines: ClassVar[list[int]] = []

        def get(self, path: str) -> object:
            self.lines.append(len(f"GET {path} HTTP/1.1"))
            return [{"id": name, "value": "7"} for name in path.partition("?get=")[2].split(",")]

    assert Flink(url).metrics("ab", "v1", names) == dict.fromkeys(names, "7")
    assert max(Flink.lines) <= 4096
    assert len(Flink.lines) > 1


@pytest.mark.parametrize(
    ("flink", "through_proxy"),
    [
        ("127.0.0.1", False),
        ("localhost", False),
        ("[::1]", False),
        ("flink.example", True),
        ("10.0.0.1", True),
    ],
)
def test_a_proxy_is_not_asked_for_a_flink_on_this_machine(
    url: str,
    answers: dict[str, tuple[int, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    flink: str,
    through_proxy: bool,
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", url)
    monkeypatch.setattr("urllib.request._opener", None)  # one of before knows no proxy
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and nobody listens
        asked = f"http://{flink}:{unused.getsockname()[1]}"
        answers[f"{asked}/overview"] = (200, b'{"from": "the proxy"}')
        rest = RestClient(asked)
        if through_proxy:
            assert rest.get("/overview") == {"from": "the proxy"}
        else:
            with pytest.raises(UnavailableError, match="does not answer"):
                rest.get("/overview")


def test_a_run_is_followed_though_its_metrics_cannot_be_had(
    url: str, says: Says, answers: dict[str, tuple[int, bytes]]
) -> None:
    answers[METRICS.format("v2")] = (500, b"{}")
    assert RunningJob(RestClient(url), "job", "ab").progress() == Progress("job", "RUNNING", 3, 3, 3, 1, 1, 0)
