"""`anabranch run` as a process of its own, that a test can follow and interrupt.

``run_job``
    ``run_job(folder, *options) -> JobRun`` starts the command on a job's folder. What it starts is ended
    after the test, whatever happens.
``start_source``
    ``start_source(stream, *options, program="source_job") -> SourceJob`` starts one of the programs beside
    this file that read a stream in Python, with options of the connector. It is ended after the test.
``link``
    A way to broker a that a test may make silent, slow or cut; mended after it. Only for modules with
    brokers of their own (a ``session_loop`` in the module), since the broker is started anew for it.
``counting``
    A job that counts records, with its streams; nothing runs yet.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from anabranch.devkit import process
from anabranch.devkit.faulty_link import FaultyLink, link_to
from anabranch.devkit.loop import Loop
from anabranch.devkit.process import ProcessRef
from tests.integration.counting import Counting
from tests.integration.source_runs import SourceJob

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker, WriteCountingJob
    from tests.integration.source_runs import StartSource

ANABRANCH = Path(sys.executable).with_name("anabranch")


@dataclass
class JobRun:
    """One call of ``anabranch run --json``.

    Attributes:
        ref: Its process.
        log: Both of its outputs.
        mark: What all that it starts carries.
    """

    ref: ProcessRef
    log: Path
    mark: str

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8")

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it has told so far."""
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    def latest(self, event: str) -> dict[str, Any]:
        """The newest event of a kind; empty if there is none."""
        return next((each for each in reversed(self.events) if each["event"] == event), {})

    def await_event(self, event: str, condition: Callable[[dict[str, Any]], bool], timeout_s: float) -> None:
        """Waits until the newest event of a kind is as wanted; fails at once if the command has ended."""

        def happened() -> bool:
            assert process.alive(self.ref), self.text
            found = self.latest(event)
            return bool(found) and condition(found)

        process.await_condition(happened, timeout_s, f"{event} in {self.log}", every_s=0.2)

    def interrupt(self) -> None:
        """Ctrl-C as a terminal does it: to the whole group of processes."""
        os.killpg(self.ref.pid, signal.SIGINT)

    def terminate(self) -> None:
        """SIGTERM as `timeout` and service managers send it: to the process, and to its whole group."""
        os.kill(self.ref.pid, signal.SIGTERM)
        os.killpg(self.ref.pid, signal.SIGTERM)

    def await_end(self, timeout_s: float) -> int | None:
        """Its exit code."""
        process.await_condition(lambda: not process.alive(self.ref), timeout_s, f"the end of {self.log}")
        return process.exit_code(self.ref)

    def left_over(self) -> list[ProcessRef]:
        """What it started and did not end."""
        return process.marked(self.mark)


RunJob = Callable[..., JobRun]


@pytest.fixture
def run_job(home: Path) -> Iterator[RunJob]:
    """Starts runs in a state home of the test's own."""
    mark = f"runs-{uuid.uuid4().hex}"

    def start(folder: Path, *options: str) -> JobRun:
        log = home / f"run-{uuid.uuid4().hex[:6]}.log"
        # A shell that runs the tests in its background has children ignore Ctrl-C.
        argv: list[str | Path] = ["env", "--default-signal=INT", ANABRANCH, "run", folder, "--json"]
        ref = process.start([*argv, *options], log=log, cwd=home, mark=mark)
        return JobRun(ref, log, mark)

    yield start
    process.sweep(mark)


@pytest.fixture
def start_source(tmp_path: Path) -> Iterator[StartSource]:
    """Starts jobs that hear of changes within a second."""
    mark = f"source-{uuid.uuid4().hex}"
    soon = ("topology.interval=1 s", "discovery.interval=1 s")

    def start(stream: StreamHandle, *options: str, program: str = "source_job") -> SourceJob:
        folder = tmp_path / f"job-{uuid.uuid4().hex[:6]}"
        folder.mkdir()
        log, file = folder / "said", folder / "seen"
        module = f"tests.integration.{program}"
        argv: list[str | Path] = [sys.executable, "-m", module]
        argv += [stream.topology, stream.name, file, *soon, *options]
        env = {"FLINK_LOG_DIR": str(folder)}
        root = Path(__file__).parents[2]
        return SourceJob(process.start(argv, log=log, cwd=root, env=env, mark=mark), log, folder, file)

    yield start
    process.sweep(mark)


@pytest.fixture(scope="module")
def module_link(session_loop: Loop) -> Iterator[FaultyLink]:
    """For all tests of a module; use ``link``."""
    with link_to(session_loop.broker("a"), session_loop.folder) as link:
        yield link


@pytest.fixture
def link(module_link: FaultyLink) -> Iterator[FaultyLink]:
    yield module_link
    module_link.open()


@pytest.fixture
def counting(make_stream: StreamMaker, tmp_path: Path, write_counting_job: WriteCountingJob) -> Counting:
    return Counting(make_stream, tmp_path, write_counting_job)
