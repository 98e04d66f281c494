"""`anabranch savepoint`, held to a Flink that says what the test laid there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner, Result

from anabranch.cli.main import cli
from anabranch.errors import ConfigurationError, JobError, UnavailableError
from tests.unit.serving import serving

AB, CD = "ab" * 16, "cd" * 16
URI = "file:/savepoints/savepoint-abab-1"


class _Flink(BaseHTTPRequestHandler):
    jobs: ClassVar[list[dict[str, str]]] = []
    asked: ClassVar[list[tuple[str, Any]]] = []
    refusal: ClassVar[str | None] = None
    operation: ClassVar[dict[str, Any]] = {}
    looks_before_end: ClassVar[int] = 0

    def do_GET(self) -> None:
        if self.path == "/jobs/overview":
            self._answer(200, {"jobs": self.jobs})
        elif type(self).looks_before_end > 0:
            type(self).looks_before_end -= 1
            self._answer(200, {"status": {"id": "IN_PROGRESS"}})
        else:
            self._answer(200, {"status": {"id": "COMPLETED"}, "operation": self.operation})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.path, json.loads(body)))
        if self.refusal is not None:
            self._answer(400, {"errors": [self.refusal]})
        else:
            self._answer(202, {"request-id": "r"})

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def cluster() -> Iterator[str]:
    _Flink.jobs = [
        {"jid": AB, "name": "counts", "state": "RUNNING"},
        {"jid": CD, "name": "other", "state": "RUNNING"},
        {"jid": "ef" * 16, "name": "counts", "state": "CANCELED"},
    ]
    _Flink.asked, _Flink.refusal, _Flink.looks_before_end = [], None, 2
    _Flink.operation = {"location": URI}
    with serving(_Flink) as address:
        yield address


def savepoint(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["savepoint", *arguments])


@pytest.mark.parametrize("job", ["counts", AB])
def test_the_running_one_of_that_name_or_id_is_meant(cluster: str, job: str) -> None:
    result = savepoint(job, "--cluster", cluster)
    assert result.exception is None, result.output
    assert result.stdout == URI + "\n"
    assert result.stderr == (f"to start from it: anabranch run JOB --cluster {cluster} --restore {URI}\n")
    wanted = {"cancel-job": False, "formatType": "CANONICAL"}
    assert _Flink.asked == [(f"/jobs/{AB}/savepoints", wanted)]


def test_it_may_be_stopped_and_kept_elsewhere(cluster: str) -> None:
    flags = ("--cluster", cluster, "--stop", "--format", "native", "--dir", "file:/kept", "--json")
    result = savepoint("counts", *flags)
    wanted = {"drain": False, "targetDirectory": "file:/kept", "formatType": "NATIVE"}
    assert _Flink.asked == [(f"/jobs/{AB}/stop", wanted)]
    assert json.loads(result.stdout) == {
        "job": "counts",
        "job_id": AB,
        "savepoint": URI,
        "format": "native",
        "stopped": True,
    }


def test_a_folder_names_the_job_and_its_cluster(cluster: str, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text('from anabranch.pipelines import Job\njob = Job("counts")\n')
    (tmp_path / "job.yaml").write_text(f"cluster: {cluster}\n")
    result = savepoint(str(tmp_path))
    assert result.exception is None, result.output
    assert f"anabranch run {tmp_path} --cluster {cluster} --restore {URI}" in result.stderr


@pytest.mark.parametrize(
    ("job", "message", "hint"),
    [
        ("count", "no job count runs there", "these run: counts, other"),
        ("twins", "2 jobs of the name twins run there", "give one's id: 01, 02"),
    ],
)
def test_which_job_is_meant_must_be_clear(cluster: str, job: str, message: str, hint: str) -> None:
    _Flink.jobs += [{"jid": jid, "name": "twins", "state": "RUNNING"} for jid in ("01", "02")]
    if job == "count":
        _Flink.jobs = _Flink.jobs[:3]
    error = savepoint(job, "--cluster", cluster).exception
    assert isinstance(error, ConfigurationError)
    assert (error.message, error.hint) == (message, hint)


def test_a_cluster_is_needed() -> None:
    error = savepoint("counts").exception
    assert isinstance(error, ConfigurationError)
    assert error.hint == "give --cluster HOST:PORT"


def test_a_cluster_without_a_folder_for_them_says_what_to_give(cluster: str) -> None:
    _Flink.refusal = (
        "org.apache.flink.runtime.rest.handler.RestHandlerException: Config key"
        " [execution.checkpointing.savepoint-dir] is not set. Property [target-directory] must be provided."
    )
    error = savepoint("counts", "--cluster", cluster).exception
    assert isinstance(error, ConfigurationError)
    assert error.hint == "give one: --dir URI"


def test_why_it_failed_is_the_root_cause(cluster: str) -> None:
    trace = (
        "java.util.X: outer\n\tat a.b(C.java:1)\nCaused by: java.io.IOException: no room\n\tat d.e(F.java:2)"
    )
    _Flink.operation = {"failure-cause": {"class": "X", "stack-trace": trace}}
    error = savepoint("counts", "--cluster", cluster).exception
    assert isinstance(error, JobError)
    assert error.message == f"the savepoint of job {AB} failed: java.io.IOException: no room"


def test_one_that_takes_too_long_is_given_up(cluster: str) -> None:
    _Flink.looks_before_end = 1000
    error = savepoint("counts", "--cluster", cluster, "--timeout", "1").exception
    assert isinstance(error, UnavailableError)
    assert "takes longer than 1 s" in error.message
