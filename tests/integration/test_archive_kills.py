"""An archive in Blob Storage while TaskManagers are killed, between checkpoints and within their commits.

Every acknowledged record, and every other one that a log has, is in the archive exactly once, by its place.
"""

from __future__ import annotations

import os
import random
import re
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.connectors import Delivery, PrismProducer
from anabranch.connectors.archive import ArchivedRecord, read_archive
from anabranch.connectors.readers import UnionReader
from anabranch.devkit import process
from anabranch.devkit.cloud_services import CloudSpec
from anabranch.devkit.loop import FlinkSpec, Loop, LoopSpec

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(900)]

ANABRANCH = Path(sys.executable).with_name("anabranch")
SEED = 4
START_MS = 1_796_000_400_000
# So many files are committed at each checkpoint, twice: that takes long enough to be killed within.
HOURS = 8
PACE_S = 0.002
JOB = """
from anabranch.pipelines import Job

job = Job("keep")
job.archive("{stream}")
"""
SETTINGS = """
topology: {topology}
archive: {place}
parallelism: 2
checkpoints: {{interval_s: 1}}
"""
_COMMIT = re.compile(r"RequestMethod=PUT RequestURL=\S*?/(kept-\S*?\.avro)\?comp=blocklist")
_STAGED = re.compile(r"RequestMethod=PUT RequestURL=\S*?/(kept-\S*?\.avro)\?\S*?comp=block&")
Place = tuple[str, str, int, int]


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    spec = LoopSpec(
        name=f"archive-{os.getpid()}-{uuid.uuid4().hex[:6]}",
        primaries=2,
        streams={},
        flink=FlinkSpec(
            task_managers=2,
            short_lived=True,
            # A death is to be noticed soon, and to cost no more waiting than that.
            options={"heartbeat.timeout": "8000", "heartbeat.interval": "2000"},
        ),
        cloud=CloudSpec(log_requests=True),
    )
    with Loop.up(spec) as loop:
        yield loop


@pytest.fixture
def two_brokers(loop: Loop) -> Loop:
    return loop


class Writer:
    """Writes without end, and notes what was acknowledged and where."""

    def __init__(self, stream: StreamHandle) -> None:
        self._stream = stream
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.acked: set[tuple[str, int, int]] = set()
        self.failed = 0

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with PrismProducer(self._stream.topology, self._stream.name) as producer:
            number = 0
            while not self._stop.wait(PACE_S):
                moment = START_MS + number % HOURS * 3_600_000
                producer.send(b"%d" % number, timestamp_ms=moment, on_done=self._note)
                number += 1

    def _note(self, delivery: Delivery) -> None:
        self.failed += delivery.error is not None
        self.acked |= {(ack.primary, ack.partition, ack.offset) for ack in delivery.acks}


class Requests:
    """Azurite's log, which has each request when it comes."""

    def __init__(self, loop: Loop) -> None:
        self._path = loop.cloud.request_log

    def text(self, start: int = 0) -> str:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")

    def end(self) -> int:
        return self._path.stat().st_size

    def await_more(self, what: re.Pattern[str], count: int) -> None:
        start = self.end()
        process.await_condition(
            lambda: len(what.findall(self.text(start))) >= count, 60, what.pattern, every_s=0.005
        )


def submit(stream: StreamHandle, loop: Loop, folder: Path, place: str) -> str:
    folder.mkdir()
    (folder / "job.py").write_text(JOB.format(stream=stream.name))
    (folder / "job.yaml").write_text(SETTINGS.format(topology=stream.topology, place=place))
    flink = loop.flink
    cluster = f"{flink.rest_address}:{flink.rest_port}"
    done = process.run([ANABRANCH, "run", folder, "--cluster", cluster, "--detach"], timeout_s=180)
    assert done.code == 0, done.output
    (job,) = [job for job in flink.rest.jobs() if not job.is_final]
    flink.rest.await_running(job.id, timeout_s=120)
    return job.id


def kill_when(loop: Loop, job_id: str, place: int, moment: Callable[[], None]) -> int:
    """Kills a TaskManager at that moment and replaces it; where in the log of requests no task was left."""
    flink, rest = loop.flink, loop.flink.rest
    before = rest.completed_checkpoints(job_id)
    process.await_condition(lambda: rest.completed_checkpoints(job_id) > before, 60, "a checkpoint")
    moment()
    flink.kill_task_manager(place)
    process.await_condition(lambda: rest.job(job_id).state == "RESTARTING", 60, "the death to be noticed")
    at = Requests(loop).end()
    flink.start_task_manager(place)
    rest.await_running(job_id, timeout_s=120)
    assert rest.restored_checkpoint(job_id), "it went on from a checkpoint"
    return at


def place_of(record: ArchivedRecord) -> Place:
    return record.primary, record.topic_id, record.partition, record.offset


def in_logs(stream: StreamHandle) -> set[tuple[str, int, int]]:
    with UnionReader(stream.topology, stream.name, until_end=True, deadline_s=60) as reader:
        return {(record.primary, record.partition, record.offset) for record in reader}


@pytest.fixture
def as_client(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in loop.cloud.client_environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("as_client")
def test_each_record_is_archived_once_though_task_managers_are_killed(
    loop: Loop, make_stream: StreamMaker, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    stream = make_stream(partitions=3)
    place = f"{loop.cloud.location}/kept-{stream.name}"
    requests = Requests(loop)
    begin = requests.end()
    with Writer(stream) as writer:
        job_id = submit(stream, loop, tmp_path / "keep", place)
        moments: list[Callable[[], None]] = [
            lambda: time.sleep(chance.random()),
            lambda: requests.await_more(_COMMIT, 3),
            lambda: requests.await_more(_STAGED, 2),
            lambda: requests.await_more(_COMMIT, HOURS + 1),
            lambda: time.sleep(chance.random()),
            lambda: requests.await_more(_COMMIT, 1),
        ]
        kills = [kill_when(loop, job_id, number % 2, moment) for number, moment in enumerate(moments)]
        at_last_kill = len(writer.acked)
        time.sleep(3)
    assert writer.failed == 0
    assert len(writer.acked) > at_last_kill, "it was written after the last kill, too"

    expected = in_logs(stream)
    assert writer.acked <= expected
    await_archived(place, len(expected))
    loop.flink.rest.cancel(job_id)
    places = Counter(place_of(record) for record in read_archive(place))
    assert [each for each, times in places.items() if times > 1] == []
    assert {(primary, partition, offset) for primary, _, partition, offset in places} == expected

    assert committed_after(kills, requests, begin), "files of a complete checkpoint waited for the restore"


def committed_after(kills: list[int], requests: Requests, begin: int) -> set[str]:
    """Files that were staged when no task was left, and committed by those that came after."""
    found: set[str] = set()
    for at in kills:
        before, after = requests.text(begin)[: at - begin], requests.text(at)
        waiting = set(_STAGED.findall(before)) - set(_COMMIT.findall(before))
        found |= waiting & set(_COMMIT.findall(after))
    return found


def await_archived(place: str, count: int) -> None:
    """Until so many records or more can be seen."""
    process.await_condition(
        lambda: sum(1 for _ in read_archive(place)) >= count, 240, f"{count} archived records", every_s=1
    )
