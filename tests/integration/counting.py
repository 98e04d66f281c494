"""A job that counts the records of a stream by run, with its stream and what it has counted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.connectors import PrismProducer, RecordId
from anabranch.devkit.gather import latest_values
from anabranch.devkit.service import ServiceState

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker, WriteCountingJob

SETTINGS = """
topology: {topology}
parallelism: 1
dead_letters: null
checkpoints: {{interval_s: 1}}
mini_batch: {{latency_s: 0.2}}
"""
RECORDS = 300  # in each half


class Counting:
    """The job in its folder, its stream, and what it has counted."""

    def __init__(self, make_stream: StreamMaker, folder: Path, write_job: WriteCountingJob) -> None:
        self.stream, self._counts = make_stream(), make_stream()
        streams = self.stream.document["groups"]["test"]["streams"]
        streams |= self._counts.document["groups"]["test"]["streams"]
        self.stream.publish()
        self.folder = folder / "count-runs"
        self.folder.mkdir()
        write_job(self.folder, self.stream.name, self._counts.name)
        (self.folder / "job.yaml").write_text(SETTINGS.format(topology=self.stream.topology))

    @property
    def clients(self) -> dict[str, dict[str, str]]:
        """Of the brokers that are up."""
        brokers = (each for each in self.stream.loop.brokers if each.state is ServiceState.UP)
        return {broker.name: {"bootstrap.servers": broker.bootstrap} for broker in brokers}

    def write(self, first: int, *, pause_s: float = 0, home: str | None = None) -> None:
        """Half of the records, by three runs in turn, from this sequence on."""
        with PrismProducer(self.stream.topology, self.stream.name, home=home) as producer:
            for place in range(first, first + RECORDS):
                record = json.dumps({"run": f"r{place % 3}"}).encode()
                producer.send(record, id=RecordId.supplied(self.stream.name, place))
                time.sleep(pause_s)
            producer.flush(60)

    def counted(self) -> dict[str, int]:
        """By run."""
        rows = [json.loads(value) for value in latest_values(self.clients, self._counts.name).values()]
        return {row["run"]: row["records"] for row in rows}

    def forget_what_was_read(self) -> None:
        """Takes all records so far from the brokers: a run that lost its state would miss them."""
        for config in self.clients.values():
            delete_all(config, self.stream)


def delete_all(config: dict[str, str], stream: StreamHandle) -> None:
    from confluent_kafka import OFFSET_END, TopicPartition
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(config)  # kept: the futures end with it
    ends = [TopicPartition(stream.name, number, OFFSET_END) for number in range(stream.partitions)]
    for future in admin.delete_records(ends).values():
        future.result(60)
