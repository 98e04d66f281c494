"""Shared fixtures: real brokers and a real Flink for every integration test.

What to ask for:

``two_brokers``
    A :class:`~anabranch.devkit.loop.Loop` of two Kafka clusters, ``a`` and ``b``, started once per
    session. A test may kill, pause or wipe them: after it, whatever is not up is brought back.
``flink_loop``
    The same two clusters with a Flink session cluster of two TaskManagers with two slots each beside
    them; started once per session, when the first test asks. After a test its jobs are cancelled and
    dead TaskManagers replaced.
``make_stream``
    ``make_stream(partitions=2, copies=1) -> TestStream``: a stream with a name of its own, its topic
    on both clusters and a topology document (below ``tmp_path``) that holds just this stream.
    A test may edit ``stream.document`` and call ``stream.publish()``, which raises the generation.
``stream``
    ``make_stream()`` for those who need only one.
``write_counting_job``
    ``write_counting_job(folder, stream, counts)``: ``job.py`` of a job of one query, which counts the records
    of a stream by their run.
``home``
    State and cache of anabranch point into ``tmp_path`` (the jars' cache stays shared).

Mark such tests ``@pytest.mark.brokers``, and ``flink`` where a Flink cluster is used.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from anabranch.devkit.loop import FlinkSpec, Loop, LoopSpec
from anabranch.devkit.service import ServiceState
from anabranch.devkit.state import write_atomically

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is where a shell runs the tests in the background; what tests start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass
class StreamHandle:
    """One stream of one test.

    Attributes:
        name: Name of the stream and of its topic.
        document: The topology document as a plain dictionary.
        topology_path: Where it is written.
        loop: The brokers below it.
    """

    name: str
    partitions: int
    loop: Loop
    topology_path: Path
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def topology(self) -> str:
        """Location of the document, as options and constructors want it."""
        return str(self.topology_path)

    def publish(self) -> None:
        """Writes the document with the next generation."""
        self.document["generation"] += 1
        write_atomically(self.topology_path, yaml.safe_dump(self.document))

    def move(self, **addresses: str) -> StreamHandle:
        """Publishes other addresses of primaries."""
        [group] = self.document["groups"].values()
        for name, address in addresses.items():
            group["primaries"][name]["bootstrap"] = [address]
        self.publish()
        return self


StreamMaker = Callable[..., StreamHandle]
WriteCountingJob = Callable[[Path, str, str], None]

COUNTING_JOB = """from dataclasses import dataclass
from anabranch.pipelines import Job

@dataclass(frozen=True)
class Log:
    run: str

job = Job("count-runs")
logs = job.read("{stream}", Log)
job.sql(f"SELECT run, COUNT(*) AS records FROM {{logs}} GROUP BY run").write("{counts}", key="run")
"""


@pytest.fixture(scope="session", autouse=True)
def _own_topology_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Documents of tests are of no use to whoever runs them, and are one file for each place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANABRANCH_TOPOLOGY_CACHE", str(tmp_path_factory.mktemp("topology-cache")))
        yield


@pytest.fixture(scope="session")
def session_loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """The session's own brokers; use ``two_brokers``, which brings them back after each test."""
    name = f"test-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    with Loop.up(LoopSpec(name=name, primaries=2, streams={})) as loop:
        yield loop


@pytest.fixture
def two_brokers(session_loop: Loop) -> Iterator[Loop]:
    """Two Kafka clusters, ``a`` and ``b``, both up; a test may hurt them."""
    yield session_loop
    for broker in session_loop.brokers:
        if broker.state is ServiceState.PAUSED:
            broker.resume()
        elif broker.state is not ServiceState.UP:
            broker.restart()


@pytest.fixture(scope="session")
def session_flink(session_loop: Loop) -> Loop:
    """Adds Flink to the session's loop; use ``flink_loop``."""
    session_loop.add_flink(FlinkSpec(task_managers=2, slots=2))
    return session_loop


@pytest.fixture
def flink_loop(two_brokers: Loop, session_flink: Loop) -> Iterator[Loop]:
    """Two Kafka clusters and a Flink session cluster; a test may hurt them."""
    yield session_flink
    flink = session_flink.flink
    for place, task_manager in enumerate(flink.task_managers):
        if task_manager.state is ServiceState.PAUSED:
            task_manager.resume()
        elif task_manager.state is not ServiceState.UP:
            flink.start_task_manager(place)
    for job in flink.rest.jobs():
        if not job.is_final:
            flink.rest.cancel(job.id)


@pytest.fixture
def make_stream(two_brokers: Loop, tmp_path: Path) -> StreamMaker:
    """Makes streams with names of their own on both clusters."""

    def make(partitions: int = 2, *, copies: int = 1, prefix: str = "s") -> StreamHandle:
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        two_brokers.create_topics({name: partitions})
        stream = {"topic": name, "partitions": partitions, "copies": copies}
        primaries = {broker.name: {"bootstrap": [broker.bootstrap]} for broker in two_brokers.brokers}
        document = {"generation": 0, "groups": {"test": {"primaries": primaries, "streams": {name: stream}}}}
        handle = StreamHandle(name, partitions, two_brokers, tmp_path / f"{name}.yaml", document)
        handle.publish()
        return handle

    return make


@pytest.fixture
def stream(make_stream: StreamMaker) -> StreamHandle:
    """A stream with two partitions on both clusters."""
    return make_stream()


@pytest.fixture
def write_counting_job() -> WriteCountingJob:
    """Writes a job that counts records by their run; reading is in its line 9, the query in line 10."""

    def write(folder: Path, stream: str, counts: str) -> None:
        (folder / "job.py").write_text(COUNTING_JOB.format(stream=stream, counts=counts))

    return write


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state home of the test's own; the cache of the jars stays shared."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path
