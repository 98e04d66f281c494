"""Replays a share of the events through Prism, in a process of its own.

The parent writes a *shard* and starts ``python -m anabranch.devkit.replay`` with one argument, the JSON of
`ReplayOrder`. The pace is the content of a file (records per second; 0 pauses), so that it can change while
the replay runs. What was sent and acknowledged goes into another file, replaced whole a few times a second;
its ``done`` is true when every record of the shard is acknowledged or given up.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

from anabranch.connectors.ids import RecordId
from anabranch.connectors.prism import Delivery, PrismProducer
from anabranch.devkit.dataset import STREAM, Event, record_id
from anabranch.devkit.ledger import LedgerSeal, LedgerWriter, content_hash

__all__ = ["Progress", "ReplayOrder", "read_progress", "replay", "write_shards"]

# Entered in the ledger, then sent, together: small enough to keep the pace smooth at 10,000 records/s, and at
# a slow one smaller yet: a fault of a second must meet records on their way.
_CHUNK = 100
_CHUNK_S = 0.1
_REPORT_EVERY_S = 0.25
_LOOK_EVERY_S = 0.05
_CREDIT_S = 0.25
# The 2 MB records that are planted must reach the brokers, which take up to 4 MiB in the local loop.
_CLIENT_CONFIG = {"message.max.bytes": "4194304"}


@dataclass(frozen=True)
class ReplayOrder:
    """What one process is to do.

    Attributes:
        topology: URI of the topology document.
        shard: Its share of the events, see `write_shards`.
        ledger: The ledger file that it appends to.
        pace: File that holds the pace in records per second.
        progress: File that it reports to.
        primaries: Names whose position is the number of a primary in the ledger.
        home: The primary that it prefers.
        hedge_after_s: See `PrismProducer`.
        max_block_s: See `PrismProducer`.
    """

    topology: str
    shard: Path
    ledger: Path
    pace: Path
    progress: Path
    primaries: tuple[str, ...]
    home: str | None
    hedge_after_s: float
    max_block_s: float

    def to_json(self) -> str:
        """One line that `from_json` reads."""
        return json.dumps(asdict(self), default=str)

    @staticmethod
    def from_json(text: str) -> ReplayOrder:
        """The order that ``to_json`` wrote."""
        fields = json.loads(text)
        for name in ("shard", "ledger", "pace", "progress"):
            fields[name] = Path(fields[name])
        fields["primaries"] = tuple(fields["primaries"])
        return ReplayOrder(**fields)


@dataclass(frozen=True)
class Progress:
    """What one process has done so far.

    Attributes:
        sent: Records handed to the producer.
        acknowledged: By primary, records that it acknowledged.
        ends: By primary and partition (as text), the offset behind the last acknowledged record.
        failed: Records that were given up.
        ambiguous: Records with an attempt that stayed unanswered.
        done: Every record is acknowledged or given up.
        ledger: Of one process that is done: what its ledger must hold.
    """

    sent: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    ends: dict[str, dict[str, int]] = field(default_factory=dict)
    failed: int = 0
    ambiguous: int = 0
    done: bool = False
    ledger: LedgerSeal | None = None


def write_shards(events: Iterable[Event], paths: list[Path]) -> None:
    """Deals events out in turn, so that each process follows the replay order.

    A shard's line is ``input line TAB record id in hex TAB payload``.
    """
    files: list[IO[bytes]] = [path.open("wb", buffering=1 << 20) for path in paths]
    try:
        for position, event in enumerate(events):
            head = b"%d\t%s\t" % (event.line, bytes(record_id(event.run, event.sequence)).hex().encode())
            files[position % len(files)].write(head + event.payload + b"\n")
    finally:
        for file in files:
            file.close()


class _Pace:
    """How fast to go, as a file says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rate = 0.0
        self._due = time.monotonic()
        self._look_again = 0.0

    def chunk(self) -> int:
        """How many records go together."""
        self._look(time.monotonic())
        return max(1, min(_CHUNK, int(self._rate * _CHUNK_S)))

    def wait(self, records: int) -> None:
        """Returns when that many records may go."""
        while True:
            now = time.monotonic()
            self._look(now)
            if self._rate > 0 and now >= self._due:
                # Time that passed in a pause is not caught up with a burst.
                self._due = max(self._due, now - _CREDIT_S) + records / self._rate
                return
            time.sleep(min(_LOOK_EVERY_S, self._due - now) if self._rate > 0 else _LOOK_EVERY_S)

    def _look(self, now: float) -> None:
        if now >= self._look_again:
            self._rate = float(self._path.read_text() or 0)
            self._look_again = now + _LOOK_EVERY_S


class _Sender:
    """Sends a shard and keeps the ledger."""

    def __init__(self, producer: PrismProducer, ledger: LedgerWriter, primaries: Sequence[str]) -> None:
        self._producer = producer
        self._ledger = ledger
        self._index = {name: number for number, name in enumerate(primaries)}
        self.sent = 0
        self.failed = 0
        self.ambiguous = 0
        self.acknowledged: Counter[str] = Counter()
        self.ends: dict[str, dict[str, int]] = {name: {} for name in primaries}

    def send(self, chunk: list[tuple[int, RecordId, bytes]]) -> None:
        """Enters a chunk in the ledger, then hands it to the producer."""
        self._ledger.sent((line, content_hash(value)) for line, _, value in chunk)
        for line, identity, value in chunk:
            self._producer.send(value, id=identity, on_done=partial(self._done, line))
        self.sent += len(chunk)

    def _done(self, line: int, delivery: Delivery) -> None:
        if delivery.ambiguous:
            self.ambiguous += 1
            self._ledger.unknown(line)
        for ack in delivery.acks:
            self.acknowledged[ack.primary] += 1
            ends, partition = self.ends[ack.primary], str(ack.partition)
            ends[partition] = max(ends.get(partition, 0), ack.offset + 1)
            self._ledger.acknowledged(line, self._index[ack.primary], ack.partition, ack.offset)
        if delivery.error is not None:
            self.failed += 1
            self._ledger.failed(line)

    def report(self, seal: LedgerSeal | None = None) -> str:
        """The figures as JSON, see `Progress`; the ledger's seal is there when all is done."""
        return json.dumps(
            {
                "sent": self.sent,
                "acknowledged": dict(self.acknowledged),
                "ends": self.ends,
                "failed": self.failed,
                "ambiguous": self.ambiguous,
                "done": seal is not None,
                "ledger": None if seal is None else asdict(seal),
            }
        )


def _chunks(shard: Path, pace: _Pace) -> Iterator[list[tuple[int, RecordId, bytes]]]:
    with shard.open("rb", buffering=1 << 20) as file:
        while lines := list(islice(file, pace.chunk())):
            chunk = []
            for raw in lines:
                line, identity, value = raw[:-1].split(b"\t", 2)
                chunk.append((int(line), RecordId(bytes.fromhex(identity.decode())), value))
            yield chunk


def replay(order: ReplayOrder) -> None:
    """Sends the whole shard; returns when nothing is in flight any more."""
    ledger = LedgerWriter(order.ledger)
    pace = _Pace(order.pace)
    with PrismProducer(
        order.topology,
        STREAM,
        home=order.home,
        hedge_after_s=order.hedge_after_s,
        max_block_s=order.max_block_s,
        config=_CLIENT_CONFIG,
    ) as producer:
        sender = _Sender(producer, ledger, order.primaries)
        report_at = 0.0
        for chunk in _chunks(order.shard, pace):
            pace.wait(len(chunk))
            sender.send(chunk)
            if time.monotonic() >= report_at:
                _replace(order.progress, sender.report())
                report_at = time.monotonic() + _REPORT_EVERY_S
        producer.flush(order.max_block_s)
    _replace(order.progress, sender.report(ledger.close()))


def read_progress(path: Path) -> Progress:
    """The figures of one process; zeros before its first report."""
    try:
        fields = json.loads(path.read_text())
    except FileNotFoundError:
        return Progress()
    seal = fields.pop("ledger")
    return Progress(**fields, ledger=None if seal is None else LedgerSeal(**seal))


def _replace(path: Path, text: str) -> None:
    scratch = path.with_suffix(".part")
    scratch.write_text(text)
    scratch.replace(path)


if __name__ == "__main__":
    replay(ReplayOrder.from_json(sys.argv[1]))
