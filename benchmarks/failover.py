"""How long writing stands still when a primary fails, and how soon one that is back is written to again.

Starts two brokers and one PrismProducer with default settings, which sends some hundred records a second. In
each round a broker is killed (SIGKILL, started again), paused (SIGSTOP, resumed) and made a black hole (by a
link that takes all and answers nothing, until its connections end and it forwards again). Of each fault:

rerouted  from the fault to the first acknowledgement, by the other primary, of a record that was on its way
          to the failed one; not told where none waited for longer than 100 ms
last      the same of the last such record
gap       the longest time without any acknowledgement, from the fault to its end
back      from the moment when the broker answers again to its first acknowledgement

Prints milliseconds: median [range] over the rounds.

    .venv/bin/python benchmarks/failover.py --rounds 5
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ways import Way

from anabranch.connectors import Delivery, PrismProducer
from anabranch.devkit.faulty_link import link_to
from anabranch.devkit.loop import Loop, LoopSpec

STREAM = "bench"
SETTLE_S = 3.0
FAULT_S = 5.0
# By the brokers' own addresses, and by links to them.
DIRECT, LINKED = ("kill", "pause"), ("hole",)


@dataclass
class Acknowledged:
    """One record's way: when it was sent, when it was done, by whom."""

    sent_at: float
    at: float
    primary: str


@dataclass
class Sender:
    """Sends all the time, from a thread of its own."""

    producer: PrismProducer
    per_second: int
    done: list[Acknowledged] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until it is stopped."""
        while not self.stop.is_set():
            self.producer.send(b"x" * 200, on_done=self._note(time.monotonic()))
            time.sleep(1 / self.per_second)

    def _note(self, sent_at: float) -> Callable[[Delivery], None]:
        def note(delivery: Delivery) -> None:
            assert delivery.error is None, delivery.error
            self.done.append(Acknowledged(sent_at, time.monotonic(), delivery.acks[0].primary))

        return note

    def first_by(self, primary: str, since: float) -> float | None:
        """When that primary acknowledged for the first time since then."""
        return min((a.at for a in list(self.done) if a.primary == primary and a.at > since), default=None)


def play(fault: str, way: Way, sender: Sender) -> dict[str, float]:
    """One round; milliseconds by what was measured."""
    time.sleep(SETTLE_S)
    began = time.monotonic()
    way.strike(fault)
    time.sleep(FAULT_S)
    over = time.monotonic()
    way.mend(fault)
    answers = time.monotonic()
    while (first := sender.first_by(way.broker.name, over)) is None:
        time.sleep(0.02)
    done = sorted(sender.done, key=lambda each: each.at)
    # A paused broker's own answer comes when it is resumed; what counts is who took its records meanwhile.
    rerouted = [
        a.at - began for a in done if a.sent_at < began < a.at < over and a.primary != way.broker.name
    ]
    times = [began, *(a.at for a in done if began < a.at < over), over]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    found = {"gap": max(gaps), "back": max(0.0, first - answers)}
    # A record that was on its way to the survivor is done within milliseconds.
    late = [each for each in rerouted if each > 0.1]
    if late:
        found |= {"rerouted": min(late), "last": max(late)}
    return {name: 1000 * seconds for name, seconds in found.items()}


def linked(loop: Loop, ways: list[Way]) -> Path:
    """A topology document in which each primary is reached by its link."""
    text = loop.topology_path.read_text()
    for way in ways:
        text = text.replace(way.broker.bootstrap, way.link.bootstrap)
    path = loop.folder / "linked.yaml"
    path.write_text(text)
    return path


@contextmanager
def sending(producer: PrismProducer, per_second: int) -> Iterator[Sender]:
    """Sends all the while."""
    sender = Sender(producer, per_second)
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield sender
    finally:
        sender.stop.set()
        thread.join()


def main() -> None:
    """Runs the rounds and prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--per-second", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[dict[str, float | str]] = []
    with (
        Loop.up(LoopSpec(name="bench-failover", primaries=2, streams={STREAM: 4})) as loop,
        ExitStack() as links,
    ):
        ways = [Way(broker, links.enter_context(link_to(broker, loop.folder))) for broker in loop.brokers]
        for topology, faults in ((loop.topology_path, DIRECT), (linked(loop, ways), LINKED)):
            with (
                PrismProducer(str(topology), STREAM) as producer,
                sending(producer, options.per_second) as sender,
            ):
                for number in range(options.rounds):
                    rows += [{"fault": fault, **play(fault, ways[number % 2], sender)} for fault in faults]
    if options.json:
        print(json.dumps(rows))
        return
    for fault in (*DIRECT, *LINKED):
        for name in ("rerouted", "last", "gap", "back"):
            found = [float(row[name]) for row in rows if row["fault"] == fault and name in row]
            if found:
                spread = f"[{min(found):.0f}-{max(found):.0f}]"
                print(f"{fault:<6} {name:<9} {statistics.median(found):>6.0f} ms {spread} of {len(found)}")


if __name__ == "__main__":
    main()
