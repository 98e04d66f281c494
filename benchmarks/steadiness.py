"""Whether a job that reads through union and writes through Prism stays as it was: 20 minutes of steady load.

Starts brokers and a Flink session cluster with one TaskManager; a producer writes at a steady rate, a job
reads all primaries and writes each record on. Every `--every` seconds the TaskManager's process is looked at:

heap      MB of live objects, after a full collection
threads   of the process
files     open handles
metrics   registered ones: of the TaskManager, of its tasks and operators
cpu       µs a record, of the whole process, since the look before

Growth is the slope of a straight line through the looks after the warm-up, over the time that they span, by
least squares; of what does not grow it is about 0. Prints each look as it is made, and then the table.

    .venv/bin/python benchmarks/steadiness.py --minutes 20
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from recovery import IN, JOB, OUT

from anabranch.connectors import PrismProducer
from anabranch.devkit.flink_config import FlinkSpec
from anabranch.devkit.java import java
from anabranch.devkit.loop import Loop, LoopSpec

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Look:
    """The TaskManager's process at one moment; see above."""

    at_s: float
    heap: float
    threads: int
    files: int
    metrics: int
    cpu: float


class Watch:
    """Looks at the one TaskManager of a loop and at a job on it."""

    def __init__(self, loop: Loop, job_id: str) -> None:
        self._rest = loop.flink.rest
        self._job = f"/jobs/{job_id}"
        ref = loop.flink.task_managers[0].ref
        assert ref is not None
        self._process = Path(f"/proc/{ref.pid}")
        self._jcmd = [str(java().with_name("jcmd")), str(ref.pid), "GC.class_histogram"]
        self._began = time.monotonic()
        self._cpu_s, self._records = self._used_s(), self._written()

    def look(self) -> Look:
        """Takes a full collection's time."""
        cpu_s = self._used_s()
        # Flink tells what it knew when it was asked before, and only then asks its tasks.
        self._written()
        histogram = subprocess.run(self._jcmd, check=True, capture_output=True, text=True).stdout
        live = int(histogram.splitlines()[-1].split()[-1])
        records = self._written()
        spent = (cpu_s - self._cpu_s) * 1e6 / max(1, records - self._records)
        found = Look(
            at_s=round(time.monotonic() - self._began, 1),
            heap=round(live / 2**20, 2),
            threads=len(list((self._process / "task").iterdir())),
            files=len(list((self._process / "fd").iterdir())),
            metrics=self._metrics(),
            cpu=round(spent, 2),
        )
        # What looking costs is not the job's.
        self._cpu_s, self._records = self._used_s(), records
        return found

    def _used_s(self) -> float:
        fields = (self._process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def _tasks(self) -> list[str]:
        vertices = self._rest.get(self._job)["vertices"]
        return [f"{self._job}/vertices/{vertex['id']}/metrics" for vertex in vertices]

    def _written(self) -> int:
        """By the source; of a task that writes alone there is no such metric."""
        count = 0
        for task in self._tasks():
            names = [each["id"] for each in self._rest.get(task)]
            counters = [name for name in names if re.fullmatch(r"\d+\.Source__.*\.numRecordsOut", name)]
            count += sum(int(each["value"]) for each in self._rest.metrics_of(task, counters))
        return count

    def _metrics(self) -> int:
        own = f"/taskmanagers/{self._rest.task_managers()[0]['id']}/metrics"
        return sum(len(self._rest.get(path)) for path in (own, *self._tasks()))


@contextmanager
def load(topology: str, per_second: int) -> Iterator[None]:
    """Writes at that rate, in tenths of a second, all the while."""
    stop = threading.Event()

    def write() -> None:
        with PrismProducer(topology, IN) as producer:
            began, sent = time.monotonic(), 0
            while not stop.wait(0.1):
                due = int((time.monotonic() - began) * per_second)
                for number in range(sent, due):
                    producer.send(json.dumps({"n": number, "pad": "x" * 120}).encode())
                sent = due

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def growth(looks: list[Look], name: str) -> float:
    """Of one column over the time that the looks span."""
    times = [look.at_s for look in looks]
    slope = statistics.linear_regression(times, [float(asdict(look)[name]) for look in looks]).slope
    return slope * (times[-1] - times[0])


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--warm-up", type=float, default=3.0, help="minutes before those that count")
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two looks")
    parser.add_argument("--per-second", type=int, default=3_000)
    parser.add_argument("--primaries", type=int, default=2)
    options = parser.parse_args()
    spec = LoopSpec(
        name=f"bench-steady-{os.getpid()}",
        primaries=options.primaries,
        streams={IN: 4, OUT: 4},
        flink=FlinkSpec(task_managers=1, slots=1),
    )
    looks: list[Look] = []
    with Loop.up(spec) as loop, tempfile.TemporaryDirectory(prefix="anabranch-steady-") as folder:
        (Path(folder) / "job.py").write_text(JOB)
        where = f"--cluster={loop.flink.rest_address}:{loop.flink.rest_port}"
        flags = ["--detach", "--parallelism=1", "--checkpoint-interval=5", "--dead-letters=", where]
        command = [sys.executable, "-m", "anabranch.cli", "run", folder, *flags]
        subprocess.run([*command, f"--topology={loop.topology_path}"], check=True, stdout=subprocess.DEVNULL)
        job = loop.flink.rest.jobs()[0].id
        loop.flink.rest.await_running(job, timeout_s=120)
        with load(str(loop.topology_path), options.per_second):
            time.sleep(options.warm_up * 60)
            watch = Watch(loop, job)
            while not looks or looks[-1].at_s < options.minutes * 60:
                time.sleep(options.every)
                looks.append(watch.look())
                print(json.dumps(asdict(looks[-1])), file=sys.stderr, flush=True)
    print(f"{'':<8} {'first':>8} {'last':>8} {'median':>8} {'least':>8} {'most':>8} {'growth':>8}")
    for name in ("heap", "threads", "files", "metrics", "cpu"):
        found = [float(asdict(look)[name]) for look in looks]
        row = (found[0], found[-1], statistics.median(found), min(found), max(found), growth(looks, name))
        print(f"{name:<8} " + " ".join(f"{value:>8.2f}" for value in row))


if __name__ == "__main__":
    main()
