"""The independent consumer: reads logs with a plain Kafka client, from their first to their end offsets.

It shares nothing with the pipeline but the brokers: no Flink, no union source, no dedup. Long topics are
scanned by a process for each primary (``python -m anabranch.devkit.scan TOPOLOGY PRIMARY TOPIC FILE``),
which keeps of each record what an audit needs: 34 bytes, see `SCANNED`.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from anabranch.devkit import process
from anabranch.devkit.ledger import content_hash
from anabranch.errors import UnavailableError
from anabranch.topology import await_token, librdkafka_config, load_topology

__all__ = ["SCANNED", "header", "read_topic", "scan_primaries", "scan_topic", "scanned_so_far"]

SCANNED = struct.Struct("<16sqHq")
"""Of one record: id (zeros where it has none of 16 bytes), content hash, partition, offset."""

_BATCH = 5_000
# A batch is waited for until it is full, and the last of a log never is.
_BATCH_WITHIN_S = 0.1
# A local broker answers in milliseconds; this bounds a read of a broker that died meanwhile.
_SILENCE_LIMIT_S = 30.0
# A million records take seconds; a machine under load may need minutes.
_SCAN_WITHIN_S = 600.0
_NO_ID = bytes(16)
_NO_LEADER_YET = frozenset(
    {
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)
_ASK_AGAIN_S = 0.2


def scan_primaries(
    topology: str, primaries: Sequence[str], topic: str, folder: Path, *, mark: str | None = None
) -> dict[str, bytes]:
    """Scans a topic on all primaries at once.

    Args:
        topology: Path of the topology document.
        primaries: Their names.
        topic: Name of the topic, the same on each.
        folder: Of the files in between.
        mark: Of the loop whose brokers these are: what scans them ends with it.

    Raises:
        UnavailableError: A primary does not answer.
    """

    def scan(primary: str) -> bytes:
        file = folder / f"{topic}-{primary}.scan"
        argv = [sys.executable, "-m", "anabranch.devkit.scan", topology, primary, topic, str(file)]
        done = process.run(argv, timeout_s=_SCAN_WITHIN_S, mark=mark)
        if done.code != 0:
            raise UnavailableError(f"the scan of {topic} failed:\n{done.output[-1000:]}", where=primary)
        return file.read_bytes()

    try:
        with ThreadPoolExecutor(len(primaries)) as pool:
            return dict(zip(primaries, pool.map(scan, primaries), strict=True))
    finally:
        # Not one by one: what has been read so far is looked up in them.
        for file in folder.glob(f"{topic}-*.scan"):
            file.unlink()


def scanned_so_far(topic: str, folder: Path) -> int:
    """Records that :func:`scan_primaries` has read at this moment, over all primaries."""
    size = 0
    for path in folder.glob(f"{topic}-*.scan"):
        # The scan may end at any moment, and take its files with it.
        with suppress(FileNotFoundError):
            size += path.stat().st_size
    return size // SCANNED.size


def scan_topic(config: Mapping[str, str], topic: str) -> Iterator[bytes]:
    """What an audit needs of each record of a topic on one primary, see `SCANNED`."""
    for message in read_topic(config, topic):
        identity = header(message, "anabranch-id")
        if identity is None or len(identity) != len(_NO_ID):
            identity = _NO_ID
        digest = content_hash(message.value() or b"")
        yield SCANNED.pack(identity, digest, message.partition(), message.offset())


def read_topic(config: Mapping[str, str], topic: str) -> Iterator[Message]:
    """Every record of a topic on one primary, from the first to the end offsets of this moment.

    Raises:
        UnavailableError: The primary does not answer.
    """
    with closing(_consumer(config)) as consumer:
        bounds = _bounds(consumer, topic)
        left = {part: high for part, (low, high) in bounds.items() if high > low}
        consumer.assign([TopicPartition(topic, part, bounds[part][0]) for part in left])
        heard = monotonic()
        while left:
            for message in consumer.consume(_BATCH, _BATCH_WITHIN_S):
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    left.pop(message.partition(), None)
                    continue
                if error is not None:
                    raise UnavailableError(
                        f"reading {topic} failed: {error}", where=config["bootstrap.servers"]
                    )
                heard = monotonic()
                if message.offset() < left.get(message.partition(), 0):
                    yield message
                if message.offset() + 1 >= left.get(message.partition(), 0):
                    left.pop(message.partition(), None)
            if monotonic() - heard > _SILENCE_LIMIT_S:
                raise UnavailableError(
                    f"no record of {topic} for {_SILENCE_LIMIT_S:.0f} s, partitions left: {sorted(left)}",
                    where=config["bootstrap.servers"],
                )


def _consumer(config: Mapping[str, str]) -> Consumer:
    return Consumer(
        {
            **config,
            "group.id": "anabranch-audit",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            # The default of one second between fetches of a full queue stalls a drain.
            "fetch.queue.backoff.ms": 10,
            "queued.min.messages": 200_000,
        }
    )


def _bounds(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    deadline = monotonic() + _SILENCE_LIMIT_S
    while True:
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            return {
                part: consumer.get_watermark_offsets(TopicPartition(topic, part), timeout=10)
                for part in partitions
            }
        except KafkaException as error:
            # A broker that has just started knows its partitions before it knows who leads them.
            if error.args[0].code() not in _NO_LEADER_YET or monotonic() > deadline:
                raise UnavailableError(f"cannot read the offsets of {topic}: {error}") from error
        sleep(_ASK_AGAIN_S)


def header(message: Message, name: str) -> bytes | None:
    """The value of the last header of that name, or None."""
    for key, value in reversed(message.headers() or []):
        if key == name:
            return value if isinstance(value, bytes) else None
    return None


if __name__ == "__main__":
    document, name, scanned, to = sys.argv[1:]
    primary = load_topology(document).group_of(scanned).primaries[name]
    with Path(to).open("wb", buffering=1 << 20) as out:
        client = librdkafka_config(primary)
        await_token(client)
        out.writelines(scan_topic(client, scanned))
