"""De-duplication alone, on RocksDB with checkpoints: CPU per record and state per id. Part of `make bench`.

Each workload runs in a JVM of its own, in one thread, without Kafka and without the exchange before the
operator. See docs/dedup.md for what the columns mean.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from anabranch.devkit.java import java

JAVA = Path(__file__).parents[1] / "connectors" / "java"
CLASS_PATH = JAVA / "dedup" / "target" / "bench.classpath"
WORKLOADS = ("long", "long_with_holes", "runs", "runs_all_at_once", "hashed")
COLUMNS = "{:<18}{:>12}{:>15}{:>15}{:>14}{:>14}{:>12}"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ids", type=int, nargs="+", default=[1_000_000, 20_000_000])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    arguments = parser.parse_args()
    class_path = build()
    print(
        COLUMNS.format(
            "workload", "ids", "µs, task", "µs, process", "bytes, blocks", "bytes, timers", "bits an id"
        )
    )
    results = []
    for ids in arguments.ids:
        for workload in arguments.workloads:
            results.append(measure(class_path, workload, ids))
            show(results[-1])
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


def build() -> str:
    """Compiles the operator with its tests, among which the benchmark is; returns their class path."""
    command = ["mvn", "-B", "-q", "-pl", "dedup", "-am", "test-compile", "dependency:build-classpath"]
    command += ["-Dmdep.includeScope=test", "-Dmdep.outputFile=target/bench.classpath"]
    subprocess.run(command, cwd=JAVA, check=True)
    classes = JAVA / "dedup" / "target"
    return f"{classes / 'test-classes'}:{classes / 'classes'}:{CLASS_PATH.read_text().strip()}"


def measure(class_path: str, workload: str, ids: int) -> dict[str, Any]:
    """Runs one workload in a fresh JVM."""
    with tempfile.TemporaryDirectory(prefix="anabranch-bench-") as scratch:
        command = [str(java()), "-Xmx1g", "--add-opens=java.base/java.util=ALL-UNNAMED"]
        command += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", class_path]
        command += ["dev.anabranch.dedup.DedupBench", workload, str(ids), scratch]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{workload} with {ids} ids failed: see above")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def show(result: dict[str, Any]) -> None:
    """Prints one line of the table."""
    row = COLUMNS.format(
        result["workload"],
        f"{result['ids']:,}",
        f"{result['task_thread_us']:.3f}",
        f"{result['process_us']:.3f}",
        f"{result['blocks_bytes']:,}",
        f"{result['timers_bytes']:,}",
        f"{result['state_bytes_per_id'] * 8:.3f}",
    )
    print(row, flush=True)


if __name__ == "__main__":
    main()
