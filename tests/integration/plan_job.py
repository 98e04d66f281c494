"""Plans a job without running it; prints its operators and its sinks as one line of JSON.

A program of its own: PyFlink starts a JVM in whatever imports it, and Flink numbers the operators of a plan
by a counter of the JVM. Usage: plan_job.py JOB [KEY=VALUE …], or plan_job.py JOB --golden
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from anabranch.connectors.flink.session import FlinkSession, Operator
from anabranch.devkit.loop import DEMO_STREAMS
from anabranch.pipelines.job import Job
from anabranch.pipelines.launch import prepare
from anabranch.pipelines.layers import Layer
from anabranch.pipelines.table import Write

HEADER = """\
# Operators of the reference job {name}: the uid by which a restore finds an operator's state, and what
# the operator computes, and so what its state holds. A test holds the job to this file: where they
# differ, running jobs cannot be restored from their checkpoints. If that is meant, say so in
# CHANGELOG.md and renew the file:
#     .venv/bin/python tests/integration/plan_job.py flink-jobs/{name} --golden > \\
#         tests/integration/golden/{name}.operators.txt
"""
# They keep no state, so what they compute may change.
STATELESS = ("Calc[", "ConstraintEnforcer[")


def planned(folder: Path, topology: Path, options: list[str]) -> tuple[Job, FlinkSession]:
    """The job, and a session with all that it writes; nothing is submitted."""
    values: dict[tuple[str, ...], str] = {("topology",): str(topology)}
    for option in options:
        key, _, value = option.partition("=")
        values["flink", key] = value
    launch = prepare(folder, Layer(values, dict.fromkeys(values, "test")))
    job = launch.load()
    return job, launch.context.builder(job).insert_all()


def document(folder: Path) -> Path:
    """A topology that knows the streams; its primaries need not be there."""
    streams = {name: {"partitions": partitions} for name, partitions in DEMO_STREAMS.items()}
    group = {"primaries": {"a": {"bootstrap": ["127.0.0.1:1"]}}, "streams": streams}
    path = folder / "topology.yaml"
    path.write_text(yaml.safe_dump({"generation": 1, "groups": {"training": group}}))
    return path


def golden(operators: list[Operator]) -> list[str]:
    """One line for each operator."""
    return [
        f"{operator.uid}\t{'' if operator.name.startswith(STATELESS) else operator.description}".rstrip()
        for operator in operators
    ]


def sink(write: Write, plan: dict[str, Any]) -> dict[str, Any]:
    """Positions of a sink's key and of the key by which its query is unique, and whether Flink mends them."""
    (node,) = (
        node
        for node in plan["nodes"]
        if node["type"].startswith("stream-exec-sink")
        and node["dynamicTableSink"]["table"]["identifier"].endswith(f"`{write.name}`")
    )
    assert write.columns is not None
    names = [column.name for column in write.columns]
    return {
        "key": sorted(names.index(name) for name in write.key),
        "upsert_key": node["inputUpsertKey"],
        "materialized": node.get("requireUpsertMaterialize", False),
    }


def main() -> None:
    folder, options = Path(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as temporary:
        topology = document(Path(temporary))
        # First the operators, as in a run: the counter starts at 1.
        job, session = planned(folder, topology, [option for option in options if "=" in option])
        operators = session.operators()
        if "--golden" in options:
            sys.stdout.write(HEADER.format(name=job.name) + "\n".join(golden(operators)) + "\n")
            return
        job, session = planned(folder, topology, options)
        plan = json.loads(session.compiled_plan())
        told = {
            "operators": golden(operators),
            "names": [operator.name for operator in operators],
            "sinks": {write.stream: sink(write, plan) for write in job.writes},
        }
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
