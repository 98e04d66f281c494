"""Jobs over TLS with SCRAM and over mutual TLS: a primary dies, one refuses, and no secret shows anywhere."""

from __future__ import annotations

import datetime
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from anabranch.connectors import PrismProducer, RecordId
from anabranch.devkit import process
from anabranch.devkit.certificates import Authority
from anabranch.devkit.flink_config import FlinkSpec
from anabranch.devkit.gather import latest_values
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.secure import SecureKind
from anabranch.topology import Topology, librdkafka_config, load_topology
from tests.integration.own_authority import issue_short, take_over
from tests.integration.written import written

if TYPE_CHECKING:
    from tests.conftest import WriteCountingJob
    from tests.integration.conftest import JobRun, RunJob

pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.long, pytest.mark.timeout(600)]

RECORDS = 200  # in each batch
SETTINGS = "parallelism: 1\ndead_letters: null\ncheckpoints: {interval_s: 1}\nmini_batch: {latency_s: 0.2}\n"


class Secured:
    """A loop that lets in only who proves who they are, and a job that counts a stream of it."""

    def __init__(self, loop: Loop, folder: Path, write_job: WriteCountingJob) -> None:
        self.loop = loop
        self.job = folder / "count-runs"
        self.job.mkdir()
        write_job(self.job, "logs", "counts")
        (self.job / "job.yaml").write_text(f"topology: topology.yaml\n{SETTINGS}")
        self._document = yaml.safe_load(loop.topology_path.read_text())
        self.publish({})
        self._sent = 0

    def publish(self, auth_of_b: dict[str, str]) -> None:
        """The job's document, with other credentials for primary b; of none the right ones."""
        self._document["generation"] += 1
        document = json.loads(json.dumps(self._document))
        document["groups"]["training"]["primaries"]["b"]["auth"] |= auth_of_b
        (self.job / "topology.yaml").write_text(yaml.safe_dump(document))

    def write(self, primary: str | None = None) -> None:
        """One batch, to all primaries or only to one."""
        document = yaml.safe_load(self.loop.topology_path.read_text())
        primaries = document["groups"]["training"]["primaries"]
        # A home would not do: where it is slow, others take its records.
        if primary is not None:
            document["groups"]["training"]["primaries"] = {primary: primaries[primary]}
        with PrismProducer(Topology.model_validate(document), "logs") as producer:
            for place in range(self._sent, self._sent + RECORDS):
                producer.send(b'{"run": "r"}', id=RecordId.supplied("logs", place))
            producer.flush(60)
        self._sent += RECORDS

    @property
    def counted(self) -> int:
        """What the job has counted, from the primaries that are up."""
        primaries = load_topology(str(self.loop.topology_path)).groups["training"].primaries
        up = [broker.name for broker in self.loop.brokers if broker.state.name == "UP"]
        clients = {name: librdkafka_config(primaries[name]) for name in up}
        return sum(json.loads(value)["records"] for value in latest_values(clients, "counts").values())

    def await_counted(self, expected: int) -> None:
        process.await_condition(lambda: self.counted == expected, 200, f"{expected} counted", every_s=0.5)

    def run(self, run_job: RunJob, *options: str) -> JobRun:
        flink = self.loop.flink
        run = run_job(self.job, f"--cluster={flink.rest_address}:{flink.rest_port}", *options)
        run.await_event("progress", lambda event: event["checkpoints"] >= 1, 300)
        return run

    def flink_log(self) -> str:
        logs = [service.log_path for service in self.loop.flink.services]
        return "\n".join(path.read_text(errors="replace") for path in logs)

    def await_refusals(self, count: int, what: str) -> None:
        process.await_condition(lambda: len(refusals(self.flink_log())) >= count, 120, what)

    def assert_told_once(self, before: int) -> None:
        """Of all the attempts since there were so many refusals, one line."""
        told = refusals(self.flink_log())[before:]
        assert len(told) == 1, "\n".join(told)

    def secrets(self) -> list[bytes]:
        """Passwords, and a line of each private key."""
        folder = self.loop.folder / "secrets"
        passwords = [path.read_bytes().strip() for path in folder.glob("*.password")]
        return passwords + [path.read_bytes().splitlines()[1] for path in folder.glob("*.key.pem")]

    def shown(self, job_id: str) -> Iterator[tuple[str, bytes]]:
        """All that is written or answered anywhere, but where secrets have to be."""
        for path, text in written(self.loop.folder.parent.parent.parent):
            own = "secrets" in path.parts or path.name == "server.properties"
            if not own and "data" not in path.parts:
                yield str(path), text
        rest = f"http://{self.loop.flink.rest_address}:{self.loop.flink.rest_port}"
        managers = [manager["id"] for manager in self.loop.flink.rest.task_managers()]
        for path_ in (
            "/jobs/overview",
            "/jobmanager/config",
            "/jobmanager/environment",
            "/jobmanager/log",
            *(f"/jobs/{job_id}{what}" for what in ("", "/config", "/plan", "/exceptions", "/checkpoints")),
            *(f"/taskmanagers/{each}{what}" for each in managers for what in ("", "/log", "/thread-dump")),
        ):
            with urllib.request.urlopen(rest + path_) as answer:
                yield path_, answer.read()
        yield from self._troubles(job_id)

    def _troubles(self, job_id: str) -> Iterator[tuple[str, bytes]]:
        """What the metrics of the job's sources say in words."""
        rest = self.loop.flink.rest
        vertices = rest.get(f"/jobs/{job_id}")["vertices"]
        paths = [f"/jobs/{job_id}/vertices/{each['id']}/jm-operator-metrics" for each in vertices]

        def wanted(path: str) -> list[str]:
            return [str(each["id"]) for each in rest.get(path) if str(each["id"]).endswith(".trouble")]

        # The JobManager gathers its metrics anew every ten seconds.
        process.await_condition(lambda: any(map(wanted, paths)), 60, "troubles in words", every_s=0.5)
        for path in paths:
            for metric in rest.metrics_of(path, wanted(path), ""):
                yield f"{path}?get={metric['id']}", str(metric["value"]).encode()


@pytest.fixture(params=["scram", "mtls"])
def secured(
    request: pytest.FixtureRequest, home: Path, write_counting_job: WriteCountingJob
) -> Iterator[Secured]:
    kind: SecureKind = request.param
    spec = LoopSpec(
        name="secured",
        secure=kind,
        streams={"logs": 1, "counts": 1},
        flink=FlinkSpec(task_managers=1, slots=2),
    )
    with Loop.up(spec) as loop:
        yield Secured(loop, home, write_counting_job)


def assert_nothing_shows(secured: Secured, run: JobRun) -> None:
    secrets = secured.secrets()
    assert secrets
    shown = [*secured.shown(run.latest("started")["job_id"]), (str(run.log), run.log.read_bytes())]
    places = [place for place, _ in shown]
    for what in ("_metadata", "/plan", "/exceptions", ".log", "/thread-dump", ".trouble"):
        assert any(place.endswith(what) for place in places), (what, places)
    leaks = [place for place, text in shown for secret in secrets if secret in text]
    assert leaks == []


def test_a_primary_dies_and_returns_and_no_secret_shows(secured: Secured, run_job: RunJob) -> None:
    run = secured.run(run_job)
    secured.write()
    secured.await_counted(RECORDS)
    secured.loop.broker("b").kill()
    secured.write()
    secured.await_counted(2 * RECORDS)
    secured.loop.broker("b").restart()
    secured.loop.broker("a").pause()
    secured.write()
    secured.await_counted(3 * RECORDS)
    secured.loop.broker("a").resume()
    secured.await_counted(3 * RECORDS)
    assert_nothing_shows(secured, run)
    run.interrupt()
    assert run.await_end(200) == 130, run.text


def strangers(secured: Secured, folder: Path) -> dict[str, dict[str, str]]:
    """Credentials that b does not take, and an authority that did not sign its certificate."""
    (folder / "wrong.password").write_text("correct-horse-battery")
    (folder / "other").mkdir()
    other = Authority.create(folder / "other")
    authority = {"ca": f"file:{other.ca}"}
    if secured.loop.spec.secure == "scram":
        return {"password": {"password": f"file:{folder}/wrong.password"}, "authority": authority}
    certificate, key = other.issue("alice")
    return {
        "certificate": {"certificate": f"file:{certificate}", "key": f"file:{key}"},
        "authority": authority,
    }


def test_credentials_that_one_primary_refuses_park_that_one_only(
    secured: Secured, run_job: RunJob, tmp_path: Path
) -> None:
    expected = 0
    run = None
    for what, auth in strangers(secured, tmp_path).items():
        before = len(refusals(secured.flink_log()))
        secured.publish(auth)
        if run is None:
            run = secured.run(run_job, "--no-check")
        secured.await_refusals(before + 1, f"a line about the wrong {what}")
        secured.write("a")
        secured.write("b")
        secured.await_counted(expected + RECORDS)
        secured.assert_told_once(before)
        assert_nothing_shows(secured, run)
        assert "correct-horse-battery" not in secured.flink_log() + run.text
        secured.publish({})
        expected += 2 * RECORDS
        secured.await_counted(expected)
    assert run is not None
    run.interrupt()
    assert run.await_end(200) == 130, run.text


@pytest.mark.parametrize("secured", ["mtls"], indirect=True)
def test_an_expired_certificate_parks_a_primary_until_the_file_is_renewed(
    secured: Secured, run_job: RunJob
) -> None:
    authority = take_over(secured.loop)
    secured.publish(issue_short(authority, datetime.timedelta(minutes=-1)))
    run = secured.run(run_job, "--no-check")
    secured.await_refusals(1, "a line about the expired certificate")
    secured.write("a")
    secured.write("b")
    secured.await_counted(RECORDS)
    secured.assert_told_once(0)
    issue_short(authority, datetime.timedelta(days=1))
    secured.await_counted(2 * RECORDS)
    assert_nothing_shows(secured, run)
    run.interrupt()
    assert run.await_end(200) == 130, run.text


def refusals(log: str) -> list[str]:
    """Lines that say that primary b does not let the job in, and why."""
    return re.findall(r"primary b does not answer: .*(?:[Aa]uthentication|SSL|certificat).*", log)
