"""Kafka by workload identity: brokers that check the tokens of a token service, for both client families."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient

from anabranch.cli.main import cli
from anabranch.connectors import PrismProducer, RecordId
from anabranch.connectors.readers import UnionReader
from anabranch.devkit import process
from anabranch.devkit.flink_config import FlinkSpec
from anabranch.devkit.gather import latest_values
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.errors import ConfigurationError
from anabranch.pipelines.preflight import _check_group
from anabranch.topology import await_token, librdkafka_config, load_topology
from tests.conftest import StreamHandle
from tests.integration.prism_ledger import Ledger, acked, await_true, send_until, state
from tests.integration.test_topology_auth import _java_output
from tests.integration.workload import Workload

if TYPE_CHECKING:
    from tests.conftest import WriteCountingJob
    from tests.integration.conftest import RunJob

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(400)]


@contextlib.contextmanager
def brokers_with_tokens(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workload]:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    folder = home / "workload"
    folder.mkdir()
    for name, value in Workload.java_environment(folder).items():
        monkeypatch.setenv(name, value)
    with Loop.up(LoopSpec(name="workload", streams={"logs": 2, "refused": 2, "counts": 1})) as loop:
        workload = Workload(loop, folder)
        for name, value in workload.environment.items():
            monkeypatch.setenv(name, value)
        yield workload


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """For tests that leave brokers, document and token service as they found them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as monkeypatch, brokers_with_tokens(home, monkeypatch) as workload:
        yield workload


@pytest.fixture
def own_workload(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workload]:
    """For tests with a token service of their own, whose tokens live shortly, or with a Flink."""
    with brokers_with_tokens(home, monkeypatch) as workload:
        yield workload


def stream_of(workload: Workload) -> StreamHandle:
    return StreamHandle("logs", 2, workload.loop, workload.topology_path)


@pytest.fixture
def stream(workload: Workload) -> StreamHandle:
    return stream_of(workload)


def tail(stream: StreamHandle) -> list[str]:
    arguments = ("tail", stream.name, "--topology", stream.topology, "--until-end", "--json")
    result = CliRunner().invoke(cli, arguments)
    assert result.exception is None, result.output
    return [json.loads(line)["value"] for line in result.stdout.splitlines()]


def both(producer: PrismProducer, wanted: str) -> bool:
    return state(producer, "a") == state(producer, "b") == wanted


def test_both_client_families_log_in(workload: Workload, stream: StreamHandle, tmp_path: Path) -> None:
    topology = load_topology(stream.topology)
    config = librdkafka_config(topology.group_of("logs").primaries["a"])
    await_token(config)
    identity = AdminClient({**config, "log_level": 0}).list_topics(timeout=30).cluster_id
    shown = _java_output(tmp_path, workload.topology_path)
    assert f"cluster={identity}\n" in shown
    assert _check_group("training", topology.groups["training"], {"logs": "job.py"}, stream.topology) == []
    assert "eyJ" not in shown
    assert workload.leaks() == []


def test_one_who_is_refused_parks_one_primary_only(
    workload: Workload, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "anabranch")
    monkeypatch.setenv("AZURE_CLIENT_ID", "somebody")
    workload.publish(a=None)
    topology, ledger = str(workload.topology_path), Ledger()
    with PrismProducer(topology, "refused") as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 500 and state(producer, "b") == "open")
        send_until(ledger, producer, lambda: workload.control()["refused"] > 3)
        producer.flush()
        assert acked(producer, "b") == 0
    assert ledger.errors == []
    told = [line for line in caplog.messages if "takes no records" in line]
    assert told == [
        "primary b takes no records: its client cannot be made: the token service refuses client somebody "
        "of tenant 22222222-2222-4222-8222-222222222222: AADSTS700016, AZURE_CLIENT_ID names nobody in that "
        "tenant"
    ]
    with UnionReader(topology, "refused", until_end=True, deadline_s=3) as reader:
        assert len(list(reader)) == len(ledger.sent)
        assert "AADSTS700016, AZURE_CLIENT_ID names nobody" in reader.problems()["b"]
    group = load_topology(topology).groups["training"]
    with pytest.raises(ConfigurationError, match="primary b refuses the credentials: the token service"):
        _check_group("training", group, {"refused": "job.py"}, topology)
    assert "eyJ" not in caplog.text
    assert workload.leaks() == []
    workload.publish()


@pytest.mark.long
def test_faults_expiry_and_rotation_while_writing_lose_nothing(
    own_workload: Workload, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    workload, stream = own_workload, stream_of(own_workload)
    workload.control("lifetime_s=8")
    workload.document["groups"]["training"]["primaries"]["b"]["idempotence"] = False
    workload.publish()
    ledger = Ledger()
    broker = workload.loop.broker
    with PrismProducer(stream.topology, stream.name) as producer:

        def go_on(seconds: float) -> None:
            until = time.monotonic() + seconds
            send_until(ledger, producer, lambda: time.monotonic() > until, limit_s=seconds + 60)

        send_until(ledger, producer, lambda: acked(producer, "a") > 100 and acked(producer, "b") > 100)
        given = workload.control("rotate")["given"]
        go_on(20)  # more than two lives of a token
        assert workload.control()["given"] >= given + 2
        assert both(producer, "closed")
        broker("a").kill()
        send_until(ledger, producer, lambda: state(producer, "a") == "open")
        workload.control("rotate")
        restarting = threading.Thread(target=broker("a").restart)
        restarting.start()
        before = acked(producer, "a")
        send_until(ledger, producer, lambda: acked(producer, "a") > before + 100, limit_s=100)
        restarting.join()
        broker("b").pause()
        send_until(ledger, producer, lambda: state(producer, "b") == "open")
        go_on(10)  # its session ends meanwhile
        broker("b").resume()
        before = acked(producer, "b")
        send_until(ledger, producer, lambda: acked(producer, "b") > before + 100, limit_s=100)
        # It is down for longer than a token lives: the brokers end the sessions, and nobody is let in.
        workload.control("status=503")
        process.await_condition(lambda: both(producer, "open"), 90, "both to end the sessions")
        assert "gives no access token: status 503" in producer.stats().primaries["a"].reason
        workload.control("status=200")
        ledger.send(producer, 100)
        send_until(ledger, producer, lambda: both(producer, "closed"), limit_s=60)
        # It is down for less than what is left of a token when it is to be renewed.
        workload.control("lifetime_s=120")
        go_on(10)
        workload.control("status=503")
        go_on(5)
        assert both(producer, "closed")
        workload.control("status=200&lifetime_s=8")
        producer.flush()
        await_true(lambda: all(each.in_flight == 0 for each in producer.stats().primaries.values()))
    assert ledger.errors == []
    assert set(ledger.check(stream)) == set(ledger.sent)
    assert set(tail(stream)) == {value.decode() for value in ledger.sent.values()}
    assert "eyJ" not in caplog.text
    assert workload.leaks() == []


@pytest.mark.long
def test_a_reader_goes_on_through_expiry_rotation_and_a_token_service_that_is_down(
    own_workload: Workload, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    workload, ledger = own_workload, Ledger()
    workload.control("lifetime_s=8")
    found: dict[RecordId, bytes] = {}
    # By the plain listener, so that there is something to read while nobody gets a token.
    plain = str(workload.loop.topology_path)
    with (
        PrismProducer(plain, "logs") as producer,
        UnionReader(str(workload.topology_path), "logs") as reader,
    ):

        def read() -> bool:
            found.update((record.id, record.value or b"") for record in reader.poll(0.1) if record.id)
            return found == ledger.sent

        def write() -> None:
            ledger.send(producer, 200)
            producer.flush()

        write()
        await_true(read, 60)
        given = workload.control("rotate")["given"]
        until = time.monotonic() + 20  # more than two lives of a token
        while time.monotonic() < until:
            write()
            await_true(read, 60)
            assert reader.problems() == {}
        assert workload.control()["given"] >= given + 2
        workload.control("status=503")
        process.await_condition(lambda: read() and len(reader.problems()) == 2, 90, "both to be lost")
        write()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            assert not read()
        for problem in reader.problems().values():
            assert "gives no access token: status 503" in problem
        workload.control("status=200")
        await_true(read, 60)
        await_true(lambda: reader.problems() == {}, 60)
    assert ledger.errors == []
    assert "eyJ" not in caplog.text
    assert workload.leaks() == []


class Counter:
    """A job that counts records on a Flink beside the brokers."""

    def __init__(self, workload: Workload, folder: Path, write_job: WriteCountingJob) -> None:
        self.workload = workload
        self.job = folder / "count-runs"
        self.job.mkdir()
        write_job(self.job, "logs", "counts")
        settings = "parallelism: 1\ndead_letters: null\ncheckpoints: {interval_s: 1}\n"
        settings += f"mini_batch: {{latency_s: 0.2}}\ntopology: {workload.topology_path}\n"
        (self.job / "job.yaml").write_text(settings)
        self.flink = workload.loop.add_flink(FlinkSpec(task_managers=1, slots=2))
        self.sent = 0

    @property
    def address(self) -> str:
        return f"{self.flink.rest_address}:{self.flink.rest_port}"

    @property
    def counted(self) -> int:
        up = [broker for broker in self.workload.loop.brokers if broker.state.name == "UP"]
        clients = {broker.name: broker.client_config() for broker in up}
        return sum(json.loads(value)["records"] for value in latest_values(clients, "counts").values())

    def write(self, count: int, topology: Path | None = None) -> None:
        """To whichever primary works."""
        with PrismProducer(str(topology or self.workload.topology_path), "logs") as producer:
            for place in range(self.sent, self.sent + count):
                producer.send(b'{"run": "r"}', id=RecordId.supplied("logs", place))
            producer.flush(60)
        self.sent += count

    def await_all(self) -> None:
        process.await_condition(lambda: self.counted == self.sent, 120, f"{self.sent} counted", every_s=0.5)

    def await_line(self, pattern: str) -> None:
        process.await_condition(lambda: bool(re.search(pattern, self.log())), 120, pattern, every_s=0.5)

    def log(self) -> str:
        return "\n".join(path.log_path.read_text(errors="replace") for path in self.flink.services)


@pytest.mark.long
@pytest.mark.flink
def test_a_job_goes_on_through_faults_expiry_and_rotation(
    own_workload: Workload, home: Path, run_job: RunJob, write_counting_job: WriteCountingJob
) -> None:
    workload = own_workload
    workload.control("lifetime_s=8")
    workload.document["groups"]["training"]["primaries"]["b"]["idempotence"] = False
    workload.publish()
    counter = Counter(workload, home, write_counting_job)
    run = run_job(counter.job, f"--cluster={counter.address}")
    run.await_event("progress", lambda event: event["checkpoints"] >= 1, 300)
    counter.write(200)
    counter.await_all()
    given = workload.control("rotate")["given"]
    time.sleep(20)  # more than two lives of a token
    assert workload.control()["given"] >= given + 2
    counter.write(200)
    counter.await_all()
    workload.loop.broker("a").kill()
    counter.write(200)
    workload.control("rotate")
    counter.await_all()
    workload.loop.broker("a").restart()
    workload.loop.broker("b").pause()
    counter.write(200)
    time.sleep(10)  # its sessions end meanwhile
    workload.loop.broker("b").resume()
    counter.await_all()
    assert "AADSTS" not in counter.log()
    assert "eyJ" not in run.text + counter.log()
    assert workload.leaks() == []
    run.interrupt()
    assert run.await_end(200) == 130, run.text


@pytest.mark.long
@pytest.mark.flink
def test_a_job_waits_for_a_token_service_that_is_down(
    own_workload: Workload, home: Path, run_job: RunJob, write_counting_job: WriteCountingJob
) -> None:
    workload = own_workload
    workload.control("lifetime_s=8")
    counter = Counter(workload, home, write_counting_job)
    run = run_job(counter.job, f"--cluster={counter.address}")
    counter.write(200)
    counter.await_all()
    workload.control("status=503")
    for name in ("a", "b"):
        counter.await_line(f"primary {name} does not answer: .* gives no access token: status 503")
    # By the plain listener, since the others get no token.
    counter.write(200, workload.loop.topology_path)
    seen = run.latest("progress")["checkpoints"]
    run.await_event("progress", lambda event: event["checkpoints"] > seen + 1, 60)
    assert counter.counted == 200
    workload.control("status=200")
    counter.await_all()
    assert "eyJ" not in run.text + counter.log()
    assert workload.leaks() == []
    run.interrupt()
    assert run.await_end(200) == 130, run.text


@pytest.mark.long
@pytest.mark.flink
def test_an_identity_that_is_refused_parks_one_primary_of_a_job_only(
    own_workload: Workload,
    home: Path,
    run_job: RunJob,
    write_counting_job: WriteCountingJob,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workload = own_workload
    monkeypatch.setenv("AZURE_CLIENT_ID", "somebody")
    workload.publish(a=None)
    counter = Counter(workload, home, write_counting_job)
    run = run_job(counter.job, f"--cluster={counter.address}", "--no-check")
    run.await_event("progress", lambda event: event["checkpoints"] >= 1, 300)
    counter.write(200)
    counter.await_all()
    refused = workload.control()["refused"]
    process.await_condition(lambda: workload.control()["refused"] > refused + 5, 60, "further attempts")
    told = [line for line in counter.log().splitlines() if "AADSTS" in line]
    # Who reads says so, and who writes.
    troubles = [re.search(r"primary b .*: the token service refuses client somebody", line) for line in told]
    assert sorted(each[0] if each else "" for each in troubles) == [
        f"primary b {trouble}: TopologyException: the token service refuses client somebody"
        for trouble in ("does not answer", "takes no records")
    ], "\n".join(told)
    workload.publish(a=None, b=None)
    counter.write(200)
    counter.await_all()
    assert "eyJ" not in run.text + counter.log()
    assert workload.leaks() == []
    run.interrupt()
    assert run.await_end(200) == 130, run.text
