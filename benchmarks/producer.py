"""What a record costs in Prism, against the plain client on the same brokers.

Starts two brokers, then alternates rounds of three ways to write the same records: the plain client to one
broker; the plain client with the id header and a callback per record, as anybody needs who wants to know
what was written; Prism to both. Prints the CPU time of this process per record (all its threads, librdkafka's
included) and records per second of wall time, medians over the rounds.

    .venv/bin/python benchmarks/producer.py --records 500000 --rounds 5
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Producer

from anabranch.connectors import Delivery, IdGenerator, PrismProducer
from anabranch.connectors.prism.confluent import PRODUCER_CONFIG
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.topology import Topology

STREAM = "bench"
Way = Callable[[Loop, list[bytes]], None]


def plain(loop: Loop, values: list[bytes]) -> None:
    """No header, no callback: what was written is not known."""
    producer = Producer({**PRODUCER_CONFIG, **loop.brokers[0].client_config()})
    for value in values:
        _patiently(producer, value)
    producer.flush()


def plain_with_callback(loop: Loop, values: list[bytes]) -> None:
    """One generated id and one callback per record."""
    producer = Producer({**PRODUCER_CONFIG, **loop.brokers[0].client_config()})
    ids = IdGenerator()
    acked = 0

    def done(error: Any, message: Any) -> None:
        nonlocal acked
        assert error is None
        acked += 1

    for number, value in enumerate(values):
        _patiently(producer, value, on_delivery=done, headers=[("anabranch-id", ids.next_bytes())])
        if number % 500 == 0:
            producer.poll(0)
    producer.flush()
    assert acked == len(values)


def prism(loop: Loop, values: list[bytes]) -> None:
    """No callback of the caller's; flush tells."""
    with PrismProducer(_topology(loop), STREAM) as producer:
        for value in values:
            producer.send(value)
        assert producer.flush() == 0
        assert producer.stats().done == len(values)


def prism_with_callback(loop: Loop, values: list[bytes]) -> None:
    """A callback of the caller's per record."""
    acked = 0

    def done(delivery: Delivery) -> None:
        nonlocal acked
        acked += delivery.error is None

    with PrismProducer(_topology(loop), STREAM) as producer:
        for value in values:
            producer.send(value, on_done=done)
        producer.flush()
    assert acked == len(values)


WAYS: dict[str, Way] = {
    "plain": plain,
    "plain, id and callback": plain_with_callback,
    "prism": prism,
    "prism, callback": prism_with_callback,
}


def _patiently(producer: Producer, value: bytes, **options: Any) -> None:
    while True:
        try:
            producer.produce(STREAM, value, **options)
            return
        except BufferError:
            producer.poll(0.01)


def _topology(loop: Loop) -> Topology:
    primaries = {broker.name: {"bootstrap": [broker.bootstrap]} for broker in loop.brokers}
    streams = {STREAM: {"partitions": 8}}
    return Topology.model_validate(
        {"generation": 1, "groups": {"g": {"primaries": primaries, "streams": streams}}}
    )


def main() -> None:
    """Runs the rounds and prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000, help="records a round")
    parser.add_argument("--bytes", type=int, default=250, help="size of a value")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    # JSON-like text, so that compression has the work that it usually has.
    filler = "".join(f'"f{number}":{number * 7919 % 10007},' for number in range(options.bytes // 4))
    values = [f'{{"n":{number},{filler}'[: options.bytes].encode() for number in range(options.records)]
    cpu: dict[str, list[float]] = {name: [] for name in WAYS}
    wall: dict[str, list[float]] = {name: [] for name in WAYS}
    with Loop.up(LoopSpec(name="bench-producer", primaries=2, streams={STREAM: 8})) as loop:
        for way in WAYS.values():
            way(loop, values[:10_000])
        for _ in range(options.rounds):
            for name, way in WAYS.items():
                began, cpu_began = time.perf_counter(), time.process_time()
                way(loop, values)
                cpu[name].append((time.process_time() - cpu_began) / options.records * 1e6)
                wall[name].append(options.records / (time.perf_counter() - began))
    figures = {
        name: {
            "cpu_us": round(statistics.median(cpu[name]), 2),
            "per_s": round(statistics.median(wall[name])),
        }
        for name in WAYS
    }
    if options.json:
        print(json.dumps({"records": options.records, "bytes": options.bytes, "ways": figures}))
        return
    print(f"{'':26}{'CPU µs/record':>16}{'records/s':>12}")
    for name, figure in figures.items():
        print(f"{name:26}{figure['cpu_us']:>16.2f}{figure['per_s']:>12,}")


if __name__ == "__main__":
    main()
