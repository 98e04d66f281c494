"""Union and Prism over two primaries against the plain Kafka connectors on one: `make bench`.

One run, the same brokers, all variants in turn, round by round, in one JVM. CPU time is that of the JVM that
runs the job; the brokers' is not in it. What counts is the ratio within a round: machines drift between
rounds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections import defaultdict
from pathlib import Path

from anabranch.devkit.loop import Loop, LoopSpec

JAVA = Path(__file__).parents[1] / "connectors" / "java"
PAIRS = [
    ("read", "union_read", "plain_read"),
    ("write", "prism_write", "plain_write"),
    ("copy", "union_prism_copy", "plain_copy"),
]
MODULES = ("java.util", "java.lang", "java.nio", "java.net")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parallelism", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=8)
    arguments = parser.parse_args()
    subprocess.run(
        ["mvn", "-B", "-q", "-Pbench", "-pl", "bench", "-am", "package", "-DskipTests"], cwd=JAVA, check=True
    )
    streams = {"bench-union-in": arguments.partitions, "bench-union-out": arguments.partitions}
    plain = {"bench-plain-in": arguments.partitions, "bench-plain-out": arguments.partitions}
    scratch = Path(tempfile.mkdtemp(prefix="anabranch-bench-"))
    try:
        with Loop.up(LoopSpec(name=f"bench-{uuid.uuid4().hex[:6]}", primaries=2, streams=streams)) as loop:
            loop.create_topics(plain)
            fill(loop, arguments.records)
            show(measure(loop, arguments, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def fill(loop: Loop, records: int) -> None:
    """Writes the inputs: all of the plain one on primary a, half of the stream on each primary."""
    a, b = loop.broker("a").bootstrap, loop.broker("b").bootstrap
    for bootstrap, topic, count, kind in (
        (a, "bench-plain-in", records, "plain"),
        (a, "bench-union-in", records // 2, "ids"),
        (b, "bench-union-in", records // 2, "ids"),
    ):
        java("FillTopic", bootstrap, topic, str(count), kind)


def measure(loop: Loop, arguments: argparse.Namespace, scratch: Path) -> list[dict[str, object]]:
    """Runs all variants; returns one row a run, the warm-up left out."""
    output = java(
        "PipelineBench",
        str(loop.topology_path),
        loop.broker("a").bootstrap,
        str(arguments.records),
        str(arguments.rounds),
        str(arguments.parallelism),
        scratch.as_uri(),
    )
    rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [row for row in rows if not row["warm_up"]]


def java(main_class: str, *arguments: str) -> str:
    """Runs one of the benchmark's programs and returns what it printed."""
    bench = JAVA / "bench" / "target"
    opens = [f"--add-opens=java.base/{module}=ALL-UNNAMED" for module in MODULES]
    done = subprocess.run(
        ["java", "-Xmx2g", *opens, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
         "-cp", f"{bench / 'libs'}/*:{bench / 'anabranch-bench-0.1.0.jar'}",
         f"dev.anabranch.bench.{main_class}", *arguments],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def show(rows: list[dict[str, object]]) -> None:
    """Prints each variant's median and each pair's ratio, plain over ours, with its range over the rounds."""
    cpu: dict[str, dict[int, float]] = defaultdict(dict)
    wall: dict[str, dict[int, float]] = defaultdict(dict)
    for row in rows:
        name, number = str(row["variant"]), int(str(row["round"]))
        cpu[name][number] = float(str(row["cpu_us_per_record"]))
        wall[name][number] = float(str(row["records"])) / float(str(row["wall_s"])) / 1000
    print(f"{'variant':<18} {'CPU µs/record':>14} {'thousand/s':>11}")
    for name in cpu:
        print(f"{name:<18} {statistics.median(cpu[name].values()):>14.2f} "
              f"{statistics.median(wall[name].values()):>11.0f}")  # fmt: skip
    print("\nper core, ours against plain (above 1: ours is cheaper), median [range over rounds]")
    for pair, ours, plain in PAIRS:
        ratios = [cpu[plain][number] / cpu[ours][number] for number in cpu[ours]]
        print(f"{pair:<18} {statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]")
    json.dump(rows, sys.stdout)
    print()


if __name__ == "__main__":
    main()
