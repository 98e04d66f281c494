"""A real stream archived to Blob Storage by a job that runs here, and read back record for record."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer

from anabranch.connectors import PrismProducer, RecordId
from anabranch.connectors.archive import ArchivedRecord, read_archive
from anabranch.connectors.readers import UnionReader
from anabranch.connectors.union_records import StreamRecord
from anabranch.devkit import process
from anabranch.devkit.local_cloud import LocalCloud

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker
    from tests.integration.conftest import RunJob

# The first start on a machine installs Azurite.
pytestmark = [pytest.mark.long, pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]

ANABRANCH = Path(sys.executable).with_name("anabranch")
START_MS = 1_796_000_400_000  # 2026-11-30 01:00 UTC
RECORDS = 300
HOURS = 3
COPIED = 100

JOB = """
from anabranch.pipelines import Job

job = Job("keep")
job.archive("{stream}")
job.archive("{copied}", dedup=True)
"""
SETTINGS = """
topology: {topology}
archive: {place}
parallelism: 2
checkpoints: {{interval_s: 1}}
inputs: {{json.ignore-parse-errors: 'true'}}
flink: {flink}
"""


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with LocalCloud.up(tmp_path / "cloud") as cloud:
        for name, value in cloud.client_environment.items():
            monkeypatch.setenv(name, value)
        yield cloud


def write(stream: StreamHandle) -> None:
    """Records of all kinds over three hours, and some that no Prism has written."""
    with PrismProducer(stream.topology, stream.name) as producer:
        for number in range(RECORDS):
            producer.send(
                json.dumps({"n": number}).encode(),
                key=None if number % 3 else b"k%d" % (number % 7),
                timestamp_ms=START_MS + number * HOURS * 3_600_000 // RECORDS,
                headers=[("colour", b"\xff\x00"), ("colour", None)] if number % 5 == 0 else (),
            )
    foreign = Producer({"bootstrap.servers": stream.loop.broker("a").bootstrap})
    foreign.produce(stream.name, key=b"gone", value=None, partition=0, timestamp=START_MS)
    foreign.produce(stream.name, value=b"\x00\xfe not JSON", partition=1, timestamp=START_MS)
    assert foreign.flush(30) == 0


def write_copies(stream: StreamHandle) -> None:
    """Each record is on both primaries."""
    with PrismProducer(stream.topology, stream.name) as producer:
        for number in range(COPIED):
            producer.send(b"%d" % number)


def all_of(record: StreamRecord) -> tuple[object, ...]:
    return (
        record.primary, record.topic, record.partition, record.offset, record.timestamp_ms,
        record.key, record.value, tuple(record.headers),
    )  # fmt: skip


def on_primaries(stream: StreamHandle) -> set[tuple[object, ...]]:
    with UnionReader(stream.topology, stream.name, until_end=True, deadline_s=30) as reader:
        return {all_of(record) for record in reader}


def test_a_stream_is_archived_and_read_back_record_for_record(
    make_stream: StreamMaker, cloud: LocalCloud, run_job: RunJob, tmp_path: Path
) -> None:
    stream, copied = make_stream(partitions=2), make_stream(partitions=2, copies=2)
    stream.document["groups"]["test"]["streams"] |= copied.document["groups"]["test"]["streams"]
    stream.publish()
    write(stream)
    write_copies(copied)
    place = f"{cloud.location}/kept"
    folder = tmp_path / "keep"
    folder.mkdir()
    (folder / "job.py").write_text(JOB.format(stream=stream.name, copied=copied.name))
    settings = SETTINGS.format(
        topology=stream.topology, place=place, flink=json.dumps(dict(cloud.flink_options))
    )
    (folder / "job.yaml").write_text(settings)

    run = run_job(folder, "--bounded")
    assert run.await_end(150) == 0, run.text
    stopped = run.latest("stopped")
    assert stopped["records_in"] == RECORDS + 2 + 2 * COPIED, "all of both"

    once = list(read_archive(place, stream=copied.name))
    assert len({record.id for record in once}) == len(once) == COPIED
    found = list(read_archive(place, stream=stream.name))
    expected = on_primaries(stream)
    assert len(expected) == RECORDS + 2
    assert len(found) == len(expected), "each once"
    assert {all_of(record) for record in found} == expected
    check_what_only_archives_know(found, stream)
    check_spans(place, stream, found)
    check_command(place, stream.name, found)

    asked = cloud.request_log.read_text()
    kept = re.findall(r"RequestURL=(\S*/kept/\S+) RequestHeaders:(\{.*?\}) ClientIP=", asked)
    assert len(kept) > HOURS
    assert all(json.loads(headers)["authorization"].startswith("Bearer ey") for _, headers in kept)


def check_what_only_archives_know(found: list[ArchivedRecord], stream: StreamHandle) -> None:
    assert {record.stream for record in found} == {stream.name}
    assert len({(record.cluster_id, record.topic_id) for record in found}) == len(
        {record.primary for record in found}
    )
    assert {record.leader_epoch for record in found} == {0}
    own = [record for record in found if record.id is not None]
    assert len(own) == RECORDS
    assert all(record.record_id == record.id for record in own)
    foreign = {record.record_id for record in found if record.id is None}
    assert len(foreign) == 2
    assert all(isinstance(each, RecordId) for each in foreign)


def check_spans(place: str, stream: StreamHandle, found: list[ArchivedRecord]) -> None:
    hour = START_MS + 3_600_000
    second = list(read_archive(place, stream=stream.name, since_ms=hour, until_ms=hour + 3_600_000))
    assert len(second) == RECORDS // HOURS
    folder = f"{place}/stream={stream.name}/date=2026-11-30/hour=02"
    assert [all_of(record) for record in read_archive(folder)] == [all_of(record) for record in second]
    assert [all_of(record) for record in found if hour <= record.timestamp_ms < hour + 3_600_000] == [
        all_of(record) for record in second
    ], "hours come in order"


def check_command(place: str, stream: str, found: list[ArchivedRecord]) -> None:
    counted = process.run([ANABRANCH, "archive", "cat", place, "--stream", stream, "--count"], timeout_s=60)
    assert (counted.code, counted.output) == (0, f"{RECORDS + 2}\n"), counted.output
    shown = process.run([ANABRANCH, "archive", "cat", place, "--stream", stream, "--json"], timeout_s=60)
    places = [json.loads(line) for line in shown.output.splitlines()]
    assert [(each["primary"], each["partition"], each["offset"]) for each in places] == [
        (record.primary, record.partition, record.offset) for record in found
    ]
