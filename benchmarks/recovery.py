"""How soon a job processes again when a primary is back, and when its TaskManager has been killed.

Starts two brokers and a Flink session cluster with a TaskManager to spare. A producer writes some hundred
records a second; a job reads them and writes each on, with the primary it was read from; what it writes is
read as it comes. In each round a broker is killed (SIGKILL, started again) and paused (SIGSTOP, resumed), and
the TaskManager that runs the job is killed and replaced. Then the document sends everybody by way of links,
and in as many rounds one of those is a black hole: it takes all, answers nothing, and forwards again. Of each
fault:

others   the longest time without an output of records of the other primary, from the fault to its end
back     from the moment when the broker answers again to the first output of a record of it
again    of a TaskManager: the longest time without any output

Prints seconds: median [range] over the rounds.

    .venv/bin/python benchmarks/recovery.py --rounds 3
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from ways import Way

from anabranch.connectors import PrismProducer
from anabranch.connectors.readers import UnionReader
from anabranch.devkit.faulty_link import link_to
from anabranch.devkit.flink_config import FlinkSpec
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.state import write_atomically

IN, OUT = "bench-in", "bench-out"
JOB = f"""from dataclasses import dataclass
from typing import Annotated
from anabranch.pipelines import Job, Metadata

@dataclass(frozen=True)
class Log:
    n: int
    id: Annotated[bytes, Metadata("record-id")]
    source: Annotated[str, Metadata("primary")]

@dataclass(frozen=True)
class Passed:
    n: int
    id: Annotated[bytes, Metadata("record-id")]
    source: str

job = Job("recovery")
logs = job.read("{IN}", Log)
job.sql(f"SELECT n, id, source FROM {{logs}}").write("{OUT}", Passed)
"""
SETTLE_S = 5.0
FAULT_S = 6.0
# The document is looked at every 10 s.
FOLLOWED_S = 15.0
# A TaskManager that is killed has its job processing again within that, or there is something to look into.
AGAIN_WITHIN_S = 90.0


@dataclass
class Outputs:
    """When each output came, and from which primary its record had been read."""

    came: list[tuple[float, str]] = field(default_factory=list)

    def times(self, since: float, until: float, *, source: str | None = None) -> list[float]:
        """Of those that came in between, of one primary or of all."""
        return [at for at, who in list(self.came) if since < at < until and source in (None, who)]

    def longest_gap(self, since: float, until: float, *, source: str | None = None) -> float:
        """Without an output."""
        times = [since, *self.times(since, until, source=source), until]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    def first(self, since: float, source: str | None = None) -> float:
        """When the first one came; waits for it."""
        while not (times := self.times(since, float("inf"), source=source)):
            time.sleep(0.02)
        return times[0]


@contextmanager
def flowing(loop: Loop, per_second: int) -> Iterator[Outputs]:
    """Writes inputs and notes outputs all the while."""
    outputs, stop = Outputs(), threading.Event()
    topology = str(loop.topology_path)

    def write() -> None:
        with PrismProducer(topology, IN) as producer:
            for n in itertools.count():
                if stop.is_set():
                    return
                producer.send(json.dumps({"n": n}).encode())
                time.sleep(1 / per_second)

    def read() -> None:
        with UnionReader(topology, OUT) as reader:
            while not stop.is_set():
                for record in reader.poll(0.05):
                    outputs.came.append((time.monotonic(), json.loads(record.value or b"{}")["source"]))

    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    try:
        yield outputs
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def hurt(fault: str, way: Way, other: str, outputs: Outputs) -> dict[str, float]:
    """Hurts a broker for some seconds."""
    time.sleep(SETTLE_S)
    began = time.monotonic()
    way.strike(fault)
    time.sleep(FAULT_S)
    over = time.monotonic()
    way.mend(fault)
    answers = time.monotonic()
    back = outputs.first(over, way.broker.name) - answers
    return {"others": outputs.longest_gap(began, over, source=other), "back": max(0.0, back)}


def kill_task_manager(loop: Loop, outputs: Outputs) -> dict[str, float]:
    """Kills the one that runs the job; the other one takes over, and a new one is started in its place."""
    time.sleep(SETTLE_S)
    busy = next(each["id"] for each in loop.flink.rest.task_managers() if each["freeSlots"] == 0)
    place = int(busy.split("-")[1])
    began = time.monotonic()
    loop.flink.kill_task_manager(place)
    deadline = began + AGAIN_WITHIN_S
    while time.monotonic() < deadline:
        time.sleep(1.0)
        recent = outputs.times(time.monotonic() - 1.0, time.monotonic())
        if recent and outputs.longest_gap(began, time.monotonic()) > 2.0:
            break
    found = {"again": outputs.longest_gap(began, time.monotonic())}
    loop.flink.start_task_manager(place)
    return found


def go_by_links(loop: Loop, ways: list[Way]) -> None:
    """Everybody follows the document there, without a restart."""
    document = yaml.safe_load(loop.topology_path.read_text())
    document["generation"] += 1
    for way in ways:
        document["groups"][loop.spec.group]["primaries"][way.broker.name]["bootstrap"] = [way.link.bootstrap]
    write_atomically(loop.topology_path, yaml.safe_dump(document))
    time.sleep(FOLLOWED_S)


def submit(loop: Loop, folder: Path) -> None:
    """Leaves the job on the cluster."""
    (folder / "job.py").write_text(JOB)
    where = f"--cluster={loop.flink.rest_address}:{loop.flink.rest_port}"
    flags = ["--detach", "--parallelism=1", "--checkpoint-interval=2", "--dead-letters=", where]
    command = [sys.executable, "-m", "anabranch.cli", "run", str(folder), *flags]
    subprocess.run([*command, f"--topology={loop.topology_path}"], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Runs the rounds and prints a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--per-second", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[dict[str, float | str]] = []
    flink = FlinkSpec(task_managers=2, slots=1)
    with (
        Loop.up(LoopSpec(name="bench-recovery", streams={IN: 4, OUT: 4}, flink=flink)) as loop,
        tempfile.TemporaryDirectory(prefix="anabranch-recovery-") as folder,
        ExitStack() as links,
    ):
        ways = [Way(broker, links.enter_context(link_to(broker, loop.folder))) for broker in loop.brokers]
        submit(loop, Path(folder))
        with flowing(loop, options.per_second) as outputs:
            outputs.first(time.monotonic(), "a")
            outputs.first(time.monotonic(), "b")
            for number in range(options.rounds):
                way, other = ways[number % 2], ways[1 - number % 2].broker.name
                rows.append({"fault": "kill", **hurt("kill", way, other, outputs)})
                rows.append({"fault": "pause", **hurt("pause", way, other, outputs)})
                rows.append({"fault": "taskmanager", **kill_task_manager(loop, outputs)})
            go_by_links(loop, ways)
            for number in range(options.rounds):
                way, other = ways[number % 2], ways[1 - number % 2].broker.name
                rows.append({"fault": "hole", **hurt("hole", way, other, outputs)})
    if options.json:
        print(json.dumps(rows))
        return
    for fault, name in (("kill", "others"), ("kill", "back"), ("pause", "others"), ("pause", "back"),
                        ("hole", "others"), ("hole", "back"), ("taskmanager", "again")):  # fmt: skip
        found = [float(row[name]) for row in rows if row["fault"] == fault]
        spread = f"[{min(found):.1f}-{max(found):.1f}]"
        print(f"{fault:<11} {name:<7} {statistics.median(found):>6.1f} s {spread} of {len(found)}")


if __name__ == "__main__":
    main()
