"""The file system for Blob Storage: against Azure's SDK alone, by request, and against Hadoop's driver.

sdk      On a server that discards all bytes, at several latencies, round by round: the plugin, the SDK with
         the same connections, block size and requests in flight, and bare sockets over TLS. One large file
         written and read, files copied from and to the disk (a restore of RocksDB), small files, more files
         at once than the memory has blocks. A ratio is the plugin's figure over the SDK's in the same round.
         "heap" is what is live beyond what was before, right after collections.
files    The requests of a job's incremental RocksDB checkpoints on that server, for each file written.
hadoop   The same job's checkpoints, restore and removal on Azurite, by the plugin and by hadoop-azure, in
         turn: requests and time.

    .venv/bin/python benchmarks/blob.py --parts sdk --rounds 7
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from discard import DiscardServer

from anabranch.devkit.java import java
from anabranch.devkit.local_cloud import LocalCloud

JAVA = Path(__file__).parents[1] / "connectors" / "java"
PLUGINS = {
    "plugin": Path(__file__).parents[1] / "connectors" / "anabranch" / "connectors" / "plugins",
    "hadoop": JAVA / "hadoop-azure-fs" / "target" / "plugins",
}
WAYS = ("plugin", "sdk", "bare")
PARTS = ("sdk", "files", "hadoop")
CASES = ("UPLOAD", "DOWNLOAD", "COPY_UP", "COPY_DOWN", "WRITE_SMALL", "READ_SMALL", "WRITE_OPEN", "READ_OPEN")
# Records of 1 kB between two checkpoints, each with two tasks' state.
CHECKPOINTS, FEW, MANY = 6, 1_000, 10_000
OPENS = [f"--add-opens=java.base/java.{module}=ALL-UNNAMED" for module in ("util", "lang", "nio")]
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
PASSWORD = "changeit"  # of a store of public certificates
GB = 1e9
# Azurite writes its log a moment after its answer.
LOG_SETTLES_S = 0.5

Row = dict[str, Any]


def main() -> None:
    """Entry point."""
    options = parse()
    class_path = build()
    results: dict[str, Any] = {"load": os.getloadavg()[0]}
    with (
        tempfile.TemporaryDirectory(prefix="anabranch-bench-") as folder,
        LocalCloud.up(Path(folder) / "cloud") as cloud,
    ):
        bench = Bench(class_path, cloud, Path(folder), options)
        for part in options.parts:
            results[part] = getattr(bench, part)()
    results["load_after"] = os.getloadavg()[0]
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nload {results['load']:.1f} before, {results['load_after']:.1f} after, {os.cpu_count()} cores")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=2, help="rounds before those that count")
    parser.add_argument("--mebibytes", type=int, default=64, help="of the large file")
    parser.add_argument("--latencies", type=int, nargs="+", default=[0, 15], help="ms a request")
    parser.add_argument("--cases", choices=CASES, nargs="+", default=CASES)
    parser.add_argument("--ways", choices=WAYS, nargs="+", default=WAYS, help="fewer are for a profiler")
    parser.add_argument("--jobs", type=int, default=2, help="rounds of the jobs on Azurite")
    parser.add_argument("--heap", default="512m", help="of the JVM that measures")
    parser.add_argument("--jvm", nargs="+", default=[], help="further flags of it: --jvm=-agentpath:...")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    return parser.parse_args()


def build() -> str:
    """Compiles the plugin, its tests, among which the benchmark is, and the wrapper of Hadoop's driver."""
    command = ["mvn", "-B", "-q", "-Pbench", "-pl", "azure-blob-fs,hadoop-azure-fs", "-am", "package"]
    command += ["-DskipTests", "dependency:build-classpath"]
    command += ["-Dmdep.includeScope=test", "-Dmdep.outputFile=target/bench.classpath"]
    subprocess.run(command, cwd=JAVA, check=True)
    target = JAVA / "azure-blob-fs" / "target"
    return class_path_of(target)


def class_path_of(target: Path) -> str:
    """Of the tests, without Flink's wrapper of Hadoop: that is to find Hadoop beside it, in its plugin."""
    libraries = (target / "bench.classpath").read_text().strip().split(":")
    kept = [each for each in libraries if not Path(each).name.startswith("flink-hadoop-fs-")]
    return ":".join([str(target / "test-classes"), str(target / "classes"), *kept])


class Bench:
    """What the parts share."""

    def __init__(self, class_path: str, cloud: LocalCloud, folder: Path, options: argparse.Namespace) -> None:
        self._class_path = class_path
        self._cloud = cloud
        self._folder = folder
        self._options = options

    def sdk(self) -> list[Row]:
        """The plugin, the SDK and bare sockets in turn; one row a measurement."""
        disk = self._folder / "disk"
        disk.mkdir()
        with self._discarding(self._options.latencies) as server:
            arguments = {
                "options": {"fs.azure.blob.ca-file": str(self._tls / "ca.pem")},
                "ports": server.ports,
                "disk": str(disk),
                "mebibytes": self._options.mebibytes,
                "rounds": self._options.rounds,
                "warm_up": self._options.warm_up,
                "cases": self._options.cases,
                "ways": self._options.ways,
            }
            command = self._java(
                "BlobBench", json.dumps(arguments), flags=[f"-Xmx{self._options.heap}", *self._options.jvm]
            )
            with subprocess.Popen(
                command, env=self._environment(), stdout=subprocess.PIPE, text=True
            ) as program:
                assert program.stdout is not None
                rows = [told(json.loads(line)) for line in program.stdout]
        if program.returncode != 0:
            sys.exit("the benchmark's program failed: see above")
        if {"plugin", "sdk"} <= set(self._options.ways):
            show_sdk(rows)
        return rows

    def files(self) -> list[Row]:
        """The requests of a job's checkpoints on the discarding server, with small state files and larger."""
        rows = []
        for records in FEW, MANY:
            with self._discarding([0]) as server:
                account = "latency0"
                options = {
                    "fs.azure.blob.ca-file": str(self._tls / "ca.pem"),
                    f"fs.azure.blob.endpoint.{account}": server.url("0"),
                }
                location = f"abfss://state@{account}.dfs.core.windows.net"
                row = self._job("plugin", location, options, server.take_counts, records, restore=False)
            show_files(row)
            rows.append({"records": records, **row})
        return rows

    def hadoop(self) -> list[Row]:
        """The same job on Azurite by both, in turn."""
        rows = []
        for number in range(self._options.jobs):
            for name in ("plugin", "hadoop"):
                options = self._cloud.flink_options if name == "plugin" else self._hadoop_options()
                row = self._job(
                    name, self._cloud.location, options, self._azurite_counter(), MANY, restore=True
                )
                rows.append({"file_system": name, "round": number, **row})
        show_hadoop(rows)
        return rows

    def _job(
        self,
        plugin: str,
        location: str,
        options: dict[str, str],
        counts: Callable[[], dict[str, int]],
        records: int,
        *,
        restore: bool,
    ) -> Row:
        """Runs the job; what it told of each phase, with the requests of it."""
        base = f"{location}/bench-{uuid.uuid4().hex[:8]}"
        command = self._java(
            "CheckpointLoad", base, str(CHECKPOINTS), str(records), "1000", str(restore).lower(),
            json.dumps(options),
            flags=["-Xmx1g", f"-Djavax.net.ssl.trustStore={self._trust_store()}",
                   f"-Djavax.net.ssl.trustStorePassword={PASSWORD}"],
        )  # fmt: skip
        environment = self._environment() | {"FLINK_PLUGINS_DIR": str(PLUGINS[plugin])}
        phases: Row = {}
        counts()
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            for line in program.stdout:
                told = json.loads(line)
                phases[told.pop("phase")] = {**told, "requests": counts()}
                program.stdin.write("\n")
                program.stdin.flush()
        if program.returncode != 0:
            sys.exit(f"the job on {plugin} failed: see above")
        return phases

    def _azurite_counter(self) -> Callable[[], dict[str, int]]:
        """How many requests Azurite has had since it was last asked for."""
        seen = 0

        def count() -> dict[str, int]:
            nonlocal seen
            before = -1
            while (now := len(self._requests())) != before:
                before = now
                time.sleep(LOG_SETTLES_S)
            fresh = self._requests()[seen:]
            seen = now
            kinds = {"requests": len(fresh)}
            for line in fresh:
                kind = line.split("RequestMethod=", 1)[1].split(" ", 1)[0]
                kinds[kind] = kinds.get(kind, 0) + 1
            return kinds

        return count

    def _requests(self) -> list[str]:
        lines = self._cloud.request_log.read_text(errors="replace").splitlines()
        return [line for line in lines if "RequestMethod=" in line]

    def _hadoop_options(self) -> dict[str, str]:
        """How its driver finds Azurite and the token service; all else is its default."""
        identity = self._cloud.environment
        endpoint = urlsplit(next(iter(self._cloud.flink_options.values())))
        return {
            "fs.azure.abfs.endpoint": f"{endpoint.hostname}:{endpoint.port}",
            "fs.azure.account.auth.type": "OAuth",
            "fs.azure.account.oauth.provider.type":
                "org.apache.hadoop.fs.azurebfs.oauth2.WorkloadIdentityTokenProvider",
            "fs.azure.account.oauth2.msi.tenant": identity["AZURE_TENANT_ID"],
            "fs.azure.account.oauth2.client.id": identity["AZURE_CLIENT_ID"],
            "fs.azure.account.oauth2.token.file": identity["AZURE_FEDERATED_TOKEN_FILE"],
            "fs.azure.account.oauth2.msi.authority": identity["AZURE_AUTHORITY_HOST"],
            "fs.azure.account.hns.enabled": "false",
            "fs.azure.fns.account.service.type": "BLOB",
            "fs.azure.ssl.channel.mode": "Default_JSSE",
        }  # fmt: skip

    def _trust_store(self) -> Path:
        """The local cloud's authority, in the form that a JVM takes for its own."""
        store = self._folder / "trust.p12"
        if not store.exists():
            subprocess.run(
                [str(java().with_name("keytool")), "-importcert", "-noprompt", "-alias", "cloud",
                 "-file", str(self._tls / "ca.pem"), "-keystore", str(store), "-storetype", "PKCS12",
                 "-storepass", PASSWORD],
                check=True, capture_output=True,
            )  # fmt: skip
        return store

    @property
    def _tls(self) -> Path:
        return Path(self._cloud.flink_options["fs.azure.blob.ca-file"]).parent

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self._cloud.environment}

    def _java(self, main_class: str, *arguments: str, flags: list[str]) -> list[str]:
        return [str(java()), *flags, *OPENS, QUIET, "-cp", self._class_path,
                f"dev.anabranch.azureblob.{main_class}", *arguments]  # fmt: skip

    @contextlib.contextmanager
    def _discarding(self, latencies: list[int]) -> Iterator[DiscardServer]:
        command = self._java(
            "DiscardServer", str(self._tls), *(str(each) for each in latencies), flags=["-Xmx256m"]
        )
        with DiscardServer.up(command, latencies, self._tls / "ca.pem") as server:
            yield server


def told(row: Row) -> Row:
    """The same row, once it can be seen that it was measured."""
    if "wall_s" in row:
        print(f"{row['latency_ms']} ms, round {row['round']}: {row['case'].lower()} by {row['way']} "
              f"{row['wall_s']:.2f} s, {row['cpu_s']:.2f} s of CPU", file=sys.stderr, flush=True)  # fmt: skip
    return row


def show_sdk(rows: list[Row]) -> None:
    """A line for each latency and case."""
    columns = "{:>10} {:<12}{:>22}{:>22}{:>15}{:>22}{:>11}{:>11}"
    print()
    print(columns.format("latency ms", "case", "wall / SDK's", "CPU / SDK's", "MB/s", "CPU-s/GB",
                         "requests", "heap MiB"))  # fmt: skip
    measured = [row for row in rows if row["round"] >= 0]
    for latency, case in dict.fromkeys((row["latency_ms"], row["case"]) for row in measured):
        here = [row for row in measured if (row["latency_ms"], row["case"]) == (latency, case)]
        ways = {way: [row for row in here if row["way"] == way] for way in WAYS}
        heap = [
            row["heap_bytes"]
            for row in rows
            if (row["latency_ms"], row["case"]) == (latency, case) and "heap_bytes" in row
        ]
        print(columns.format(
            latency, case.lower(),
            ratio(ways["plugin"], ways["sdk"], "wall_s"), ratio(ways["plugin"], ways["sdk"], "cpu_s"),
            per_way(ways, lambda row: f"{row['bytes'] / 1e6 / row['wall_s']:.0f}"),
            per_way(ways, lambda row: f"{row['cpu_s'] / (row['bytes'] / GB):.2f}"),
            per_way({"plugin": ways["plugin"], "sdk": ways["sdk"]}, lambda row: str(row["requests"])),
            f"{max(heap) / (1 << 20):.0f}",
        ))  # fmt: skip
    bare = [row for row in measured if row["way"] == "bare"]
    if bare:
        cost = statistics.median(row["server_cpu_s"] / (row["bytes"] / GB) for row in bare)
        print(f"the server itself: {cost:.2f} CPU-s/GB, {1000 / cost:.0f} MB/s a core")
    peak, budget = max((row["budget_peak_bytes"], row["budget_bytes"]) for row in rows if "heap_bytes" in row)
    print(f"fs.azure.blob.memory: at most {peak / (1 << 20):.0f} of {budget / (1 << 20):.0f} MiB taken")


def show_files(row: Row) -> None:
    """What the checkpoints asked of the service."""
    asked, sizes = row["checkpoints"]["requests"], row["files"]["bytes"]
    kinds = ", ".join(f"{kind} {count}" for kind, count in asked.items() if kind[0].isupper())
    small = sum(size < 1 << 20 for size in sizes)
    print(f"\nfiles: {len(sizes)} of {sum(sizes) / 1e6:.0f} MB, {small} of them below 1 MiB, by "
          f"{asked['requests']} requests: {asked['requests'] / len(sizes):.2f} a file ({kinds})")  # fmt: skip


def per_way(ways: dict[str, list[Row]], figure: Callable[[Row], str]) -> str:
    """The figure of each way's median round by wall time."""
    return " / ".join(
        figure(sorted(rows, key=lambda row: float(row["wall_s"]))[len(rows) // 2])
        for rows in ways.values()
        if rows
    )


def ratio(ours: list[Row], theirs: list[Row], what: str) -> str:
    """Median of the rounds' ratios, with their range."""
    other = {row["round"]: row[what] for row in theirs}
    found = [row[what] / other[row["round"]] for row in ours]
    return f"{statistics.median(found):.2f} [{min(found):.2f}-{max(found):.2f}]"


def show_hadoop(rows: list[Row]) -> None:
    """A line for each phase: requests and time of both."""
    print(f"\n{'on Azurite':<14}{'requests, plugin':>18}{'hadoop':>8}{'ms, plugin':>22}{'hadoop':>22}")
    for phase in ("checkpoints", "restore", "delete"):
        asked, took = {}, {}
        for name in ("plugin", "hadoop"):
            here = [row[phase] for row in rows if row["file_system"] == name]
            asked[name] = statistics.median(each["requests"]["requests"] for each in here)
            times = [milliseconds(each) for each in here]
            took[name] = f"{statistics.median(times):.0f} [{min(times)}-{max(times)}]"
        print(f"{phase:<14}{asked['plugin']:>18.0f}{asked['hadoop']:>8.0f}"
              f"{took['plugin']:>22}{took['hadoop']:>22}")  # fmt: skip


def milliseconds(phase: Row) -> int:
    """Of a phase; of checkpoints all together."""
    took = phase["ms"]
    return sum(took) if isinstance(took, list) else int(took)


if __name__ == "__main__":
    main()
