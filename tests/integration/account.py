"""A job that counts, and the account of every record that was acknowledged to its producer.

For each run the job gives the number of its records and the order-free sum of their hashes: what is lost,
doubled or changed shows in one of both. Each tenth record is written twice, and may be once more later, so
that the sums also hold state of the de-duplication to account.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.connectors import Delivery, PrismProducer, RecordId
from anabranch.devkit import process
from anabranch.devkit.gather import latest_values
from anabranch.devkit.ledger import content_hash
from tests.integration.counting import delete_all

if TYPE_CHECKING:
    from tests.conftest import StreamMaker
    from tests.integration.stored_loop import StoredLoop

__all__ = ["Account", "Tally"]

_RUNS = 5
_JOB = """from dataclasses import dataclass
from typing import Annotated
from anabranch.pipelines import Job, Metadata

@dataclass(frozen=True)
class Log:
    run: str
    value_hash: Annotated[int, Metadata("value-hash")]

job = Job("account")
logs = job.read("{stream}", Log)
job.sql(
    f"SELECT run, COUNT(*) AS records, SUM(value_hash) AS hash_sum FROM {{logs}} GROUP BY run"
).write("{counts}", key="run")
"""
_SETTINGS = """
topology: {topology}
parallelism: 1
dead_letters: null
checkpoints: {checkpoints}
mini_batch: {{latency_s: 0.2}}
flink:
  # All state is in files, however little it is.
  execution.checkpointing.data-inline-threshold: 0 b
"""


@dataclass(frozen=True)
class Tally:
    """Of one run: number of records, and the sum of their hashes modulo 2^64."""

    records: int
    hash_sum: int


class Account:
    """The job in its folder, its streams, what was acknowledged and what was counted.

    Args:
        make_stream: The fixture.
        folder: Of the test.
        checkpoints: The job's settings of these, as YAML has them in one line.
    """

    def __init__(self, make_stream: StreamMaker, folder: Path, checkpoints: str = "{interval_s: 1}") -> None:
        self.stream, self._counts = make_stream(), make_stream()
        streams = self.stream.document["groups"]["test"]["streams"]
        streams |= self._counts.document["groups"]["test"]["streams"]
        self.stream.publish()
        self.folder = folder / "account"
        self.folder.mkdir()
        (self.folder / "job.py").write_text(_JOB.format(stream=self.stream.name, counts=self._counts.name))
        settings = _SETTINGS.format(topology=self.stream.topology, checkpoints=checkpoints)
        (self.folder / "job.yaml").write_text(settings)
        self._next = 0
        self._acknowledged: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def write(self, count: int) -> None:
        """So many new records; returns when all are acknowledged."""
        with PrismProducer(self.stream.topology, self.stream.name) as producer:
            for _ in range(count):
                self._send_next(producer)
            assert producer.flush(60) == 0

    def write_again(self, count: int) -> None:
        """The first so many once more, under their own ids: whoever lost state would count them."""
        with PrismProducer(self.stream.topology, self.stream.name) as producer:
            for number in range(count):
                producer.send(_value(number), id=RecordId.supplied(self.stream.name, number))
            assert producer.flush(60) == 0

    @contextmanager
    def writing(self, pause_s: float = 0.02) -> Iterator[None]:
        """New records all the time, until the block ends and all are acknowledged."""
        ended = threading.Event()
        failures: list[BaseException] = []

        def go_on() -> None:
            try:
                with PrismProducer(self.stream.topology, self.stream.name) as producer:
                    while not ended.wait(pause_s):
                        self._send_next(producer)
                    assert producer.flush(60) == 0
            except BaseException as error:
                failures.append(error)

        writer = threading.Thread(target=go_on, name="writer")
        writer.start()
        try:
            yield
        finally:
            ended.set()
            writer.join(120)
        assert not failures, failures
        assert not writer.is_alive()

    @property
    def wanted(self) -> dict[str, Tally]:
        """What the job must have counted: all that was acknowledged, once."""
        with self._lock:
            known = list(self._acknowledged.items())
        tallies: dict[str, Tally] = {}
        for number, value in known:
            run = f"r{number % _RUNS}"
            before = tallies.get(run, Tally(0, 0))
            total = (before.hash_sum + content_hash(value)) % (1 << 64)
            tallies[run] = Tally(before.records + 1, total)
        return tallies

    def counted(self) -> dict[str, Tally]:
        """What the job has counted so far."""
        rows = [json.loads(value) for value in latest_values(self._clients, self._counts.name).values()]
        return {row["run"]: Tally(row["records"], row["hash_sum"] % (1 << 64)) for row in rows}

    def total(self) -> int:
        """How many records it has counted so far."""
        return sum(tally.records for tally in self.counted().values())

    def await_exact(self, timeout_s: float = 90) -> None:
        """Until all is counted, exactly: a record that is lost or doubled never is."""
        deadline = time.monotonic() + timeout_s
        while (counted := self.counted()) != (wanted := self.wanted):
            assert time.monotonic() < deadline, f"counted {counted}, acknowledged {wanted}"
            time.sleep(0.5)

    def forget_what_was_read(self) -> None:
        """Takes all records so far from the brokers: only state has them now."""
        for config in self._clients.values():
            delete_all(config, self.stream)

    def submit(self, stored: StoredLoop, *options: str) -> str:
        """Starts the job as a user would, without a word on where its checkpoints go; returns its id."""
        from tests.integration.conftest import ANABRANCH

        flink = stored.loop.flink
        cluster = f"{flink.rest_address}:{flink.rest_port}"
        argv: list[str | Path] = [ANABRANCH, "run", self.folder, "--cluster", cluster, "--detach", *options]
        done = process.run(argv, timeout_s=400)
        assert done.code == 0, done.output
        (job,) = (job for job in flink.rest.jobs() if not job.is_final)
        flink.rest.await_running(job.id, timeout_s=120)
        return job.id

    @property
    def _clients(self) -> dict[str, dict[str, str]]:
        return {broker.name: {"bootstrap.servers": broker.bootstrap} for broker in self.stream.loop.brokers}

    def _send_next(self, producer: PrismProducer) -> None:
        number, self._next = self._next, self._next + 1
        value = _value(number)

        def done(delivery: Delivery) -> None:
            assert delivery.error is None, delivery
            with self._lock:
                self._acknowledged[number] = value

        record_id = RecordId.supplied(self.stream.name, number)
        producer.send(value, id=record_id, on_done=done)
        if number % 10 == 0:
            producer.send(value, id=record_id, on_done=done)


def _value(number: int) -> bytes:
    return json.dumps({"run": f"r{number % _RUNS}", "number": number}).encode()
