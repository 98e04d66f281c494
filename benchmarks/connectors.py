"""Union and Prism over several primaries against the plain Kafka connectors on one: `make bench`.

One run, the same brokers, all variants in turn, round by round, each in a JVM of its own as in a TaskManager,
after rounds that warm it up. CPU time is that of the JVM that runs the job, its start and its compiler
included; the brokers' is not in it. What counts is the ratio within a round: machines drift between rounds.
"""

from __future__ import annotations

import argparse
import contextlib
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
    ("read, the same bytes", "union_read", "plain_read_header"),
    ("write", "prism_write", "plain_write"),
    ("write, the same bytes", "prism_write", "plain_write_header"),
    ("copy", "union_prism_copy", "plain_copy"),
    ("copy, the same bytes", "union_prism_copy", "plain_copy_header"),
]
VARIANTS = list(dict.fromkeys(name for _, ours, plain in PAIRS for name in (plain, ours)))
MODULES = ("java.util", "java.lang", "java.nio", "java.net")


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=3, help="rounds before those that count")
    parser.add_argument("--only", choices=VARIANTS, nargs="*", default=VARIANTS, help="measure these alone")
    parser.add_argument("--parallelism", type=int, default=1)
    parser.add_argument("--primaries", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=8, help="of each topic, on each primary")
    arguments = parser.parse_args()
    subprocess.run(
        ["mvn", "-B", "-q", "-Pbench", "-pl", "bench", "-am", "package", "-DskipTests"], cwd=JAVA, check=True
    )
    streams = {"bench-union-in": arguments.partitions, "bench-union-out": arguments.partitions}
    plain = dict.fromkeys(("bench-plain-in", "bench-plain-ids-in", "bench-plain-out"), arguments.partitions)
    scratch = Path(tempfile.mkdtemp(prefix="anabranch-bench-"))
    try:
        name = f"bench-{uuid.uuid4().hex[:6]}"
        with Loop.up(LoopSpec(name=name, primaries=arguments.primaries, streams=streams)) as loop:
            loop.create_topics(plain)
            fill(loop, arguments.records)
            show(measure(loop, arguments, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def fill(loop: Loop, records: int) -> None:
    """Writes the inputs: all of the plain ones on the first primary, an equal part of the stream on each."""
    first = loop.brokers[0].bootstrap
    share, rest = divmod(records, len(loop.brokers))
    parts = [share + (number < rest) for number in range(len(loop.brokers))]
    for bootstrap, topic, count, kind in (
        (first, "bench-plain-in", records, "plain"),
        (first, "bench-plain-ids-in", records, "ids"),
        *(
            (broker.bootstrap, "bench-union-in", part, "ids")
            for broker, part in zip(loop.brokers, parts, strict=True)
        ),
    ):
        with start("FillTopic", bootstrap, topic, str(count), kind) as program:
            program.communicate()
        if program.returncode != 0:
            raise SystemExit(f"{topic} could not be filled")


def measure(loop: Loop, arguments: argparse.Namespace, scratch: Path) -> list[dict[str, object]]:
    """Runs all variants in turn; returns one row a run, the warm-up left out."""
    rows: list[dict[str, object]] = []
    with contextlib.ExitStack() as stack:
        programs = {
            name: stack.enter_context(
                start(
                    "PipelineBench",
                    str(loop.topology_path),
                    loop.broker("a").bootstrap,
                    str(arguments.records),
                    str(arguments.parallelism),
                    scratch.as_uri(),
                    name,
                )
            )
            for name in arguments.only
        }
        for number in range(-arguments.warm_up, arguments.rounds):
            for name, program in programs.items():
                row = run_once(program)
                print(
                    f"round {number}: {name} {row['cpu_us_per_record']} µs of CPU",
                    file=sys.stderr,
                    flush=True,
                )
                if number >= 0:
                    rows.append({**row, "round": number})
        for program in programs.values():
            assert program.stdin is not None
            program.stdin.close()
    return rows


def run_once(program: subprocess.Popen[str]) -> dict[str, object]:
    """Has the program run its variant once, and returns what it measured."""
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write("\n")
    program.stdin.flush()
    for line in program.stdout:
        if line.startswith("{"):
            row: dict[str, object] = json.loads(line)
            return row
    raise SystemExit(f"the benchmark's program ended early: {program.wait()}")


def start(main_class: str, *arguments: str) -> subprocess.Popen[str]:
    """Starts one of the benchmark's programs."""
    bench = JAVA / "bench" / "target"
    opens = [f"--add-opens=java.base/{module}=ALL-UNNAMED" for module in MODULES]
    return subprocess.Popen(
        ["java", "-Xmx1g", *opens, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
         "-cp", f"{bench / 'libs'}/*:{bench / 'anabranch-bench-0.1.0.jar'}",
         f"dev.anabranch.bench.{main_class}", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def show(rows: list[dict[str, object]]) -> None:
    """Prints each variant's median and each pair's ratio, plain over ours, with its range over the rounds."""
    cpu: dict[str, dict[int, float]] = defaultdict(dict)
    wall: dict[str, dict[int, float]] = defaultdict(dict)
    for row in rows:
        name, number = str(row["variant"]), int(str(row["round"]))
        cpu[name][number] = float(str(row["cpu_us_per_record"]))
        wall[name][number] = float(str(row["records"])) / float(str(row["wall_s"])) / 1000
    print(f"{'variant':<20} {'CPU µs/record':>14} {'thousand/s':>11}")
    for name in cpu:
        print(f"{name:<20} {statistics.median(cpu[name].values()):>14.2f} "
              f"{statistics.median(wall[name].values()):>11.0f}")  # fmt: skip
    print("\nper core, ours against plain (above 1: ours is cheaper), median [range over rounds]")
    for pair, ours, plain in PAIRS:
        if ours not in cpu or plain not in cpu:
            continue
        ratios = [cpu[plain][number] / cpu[ours][number] for number in cpu[ours]]
        print(f"{pair:<24} {statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]")
    json.dump(rows, sys.stdout)
    print()


if __name__ == "__main__":
    main()
