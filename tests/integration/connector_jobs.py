"""Jobs of the connector tests; prints what they read as one line of JSON.

A program of its own: PyFlink starts a JVM in whatever imports it and leaves its pipes open.
Usage: connector_jobs.py sql|upserts|datastream|latest|changes TOPOLOGY STREAM [STREAM]
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from pyflink.common import Configuration, Row, Types, WatermarkStrategy
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment

from anabranch.connectors import PrismSink, UnionSource, dedup, latest_by_version
from anabranch.connectors.flink.session import FlinkSession
from anabranch.connectors.flink.streams import RowField, configure_jars, record_rows
from anabranch.connectors.jar_files import jar_paths

BOUNDED = {"scan.bounded.mode": "latest"}


def options() -> dict[str, str]:
    """Checkpoints, and no second try."""
    return {
        "execution.checkpointing.dir": Path(tempfile.mkdtemp()).as_uri(),
        "execution.checkpointing.interval": "1 s",
        "restart-strategy.type": "none",
        "parallelism.default": "1",
    }


def read_sql(topology: str, stream: str, letters: str) -> object:
    """Rows of a stream of JSON; what cannot be decoded goes to the letters."""
    session = FlinkSession(options(), jars=jar_paths())
    session.execute(
        f"""CREATE TEMPORARY TABLE logs (
            run STRING NOT NULL, seq BIGINT NOT NULL, origin STRING METADATA FROM 'primary' VIRTUAL,
            id BYTES METADATA FROM 'record-id' VIRTUAL,
            content BIGINT NOT NULL METADATA FROM 'value-hash' VIRTUAL
        ) WITH ('connector' = 'union', 'topology' = '{topology}', 'stream' = '{stream}', 'format' = 'json',
            'scan.bounded.mode' = 'latest', 'dead-letters' = '{letters}')"""
    )
    rows = session.collect("SELECT run, seq, origin, id, content FROM logs")
    return [[run, seq, origin, bytes(record_id).hex(), hash_] for run, seq, origin, record_id, hash_ in rows]


def count_sql(topology: str, stream: str, counts: str) -> object:
    """Counts records of each run into a stream of upserts, and reads that back."""
    session = FlinkSession(options(), jars=jar_paths())
    ends = "'format' = 'json', 'scan.bounded.mode' = 'latest'"
    columns = "run STRING, records BIGINT NOT NULL, PRIMARY KEY (run) NOT ENFORCED"
    for name, where, what in (
        ("logs", f"'union', 'stream' = '{stream}', {ends}", "run STRING"),
        ("totals", f"'prism', 'stream' = '{counts}', 'format' = 'json'", columns),
        ("read_back", f"'union', 'stream' = '{counts}', {ends}", columns),
    ):
        session.execute(
            f"CREATE TEMPORARY TABLE {name} ({what}) WITH ('topology' = '{topology}', 'connector' = {where})"
        )
    session.insert("INSERT INTO totals SELECT run, COUNT(*) FROM logs GROUP BY run")
    session.submit("count").result()
    return dict(session.collect("SELECT run, records FROM read_back"))


def environment() -> StreamExecutionEnvironment:
    """As any user of PyFlink makes it."""
    configuration = Configuration()
    configure_jars(configuration)
    for key, value in options().items():
        configuration.set_string(key, value)
    return StreamExecutionEnvironment.get_execution_environment(configuration)


def copy_stream(topology: str, stream: str, target: str) -> object:
    """Copies a stream without Python, appends to it from Python; what each holds, copies left out."""
    env = environment()

    def once(name: str) -> DataStream:
        source = UnionSource(topology, name, options=BOUNDED)
        return dedup(env.from_source(source, WatermarkStrategy.no_watermarks(), name), name)

    def values(name: str) -> list[str]:
        texts = record_rows(once(name)).map(lambda row: bytes(row.value).decode(), Types.STRING())
        with texts.execute_and_collect() as collected:
            return sorted(collected)

    records = once(stream)
    weights = {"weights": "a:2,b:1"}
    records.sink_to(PrismSink(topology, target, job_uid="test", sink_uid="copy", options=weights))
    binary = Types.PRIMITIVE_ARRAY(Types.BYTE())
    marked = record_rows(records).map(
        lambda row: Row(b"seen " + bytes(row.value), bytes(row.record_id)),
        Types.ROW_NAMED(["value", "record_id"], [binary, binary]),
    )
    fields: list[RowField] = ["value", "record_id"]
    marked.sink_to(PrismSink(topology, target, job_uid="test", sink_uid="marked", fields=fields))
    env.execute("copy")
    return {"source": values(stream), "target": values(target)}


def copy_upserts(topology: str, stream: str, target: str) -> object:
    """Copies of each key what is newest; what the target holds then, a deleted key as null."""
    env = environment()
    newest(env, topology, stream).sink_to(PrismSink(topology, target, upsert=True))
    env.execute("latest")
    return keys_of(env, topology, target)


def write_changes(topology: str, _: str, target: str) -> object:
    """Writes the changes of a query that takes the row of r1 back; what the target holds then."""
    env = environment()
    tables = StreamTableEnvironment.create(env)
    totals = tables.sql_query(
        """SELECT CAST(run AS BYTES), CAST(CAST(SUM(part) AS STRING) AS BYTES)
            FROM (VALUES ('r1', 4), ('r2', 4), ('r1', 4)) AS t (run, part)
            GROUP BY run HAVING SUM(part) < 8"""
    )
    sink = PrismSink(topology, target, upsert=True, fields=["key", "value"])
    tables.to_changelog_stream(totals).sink_to(sink)
    env.execute("changes")
    return keys_of(env, topology, target)


def newest(env: StreamExecutionEnvironment, topology: str, name: str) -> DataStream:
    """Of each key of a stream what is newest."""
    source = UnionSource(topology, name, options=BOUNDED)
    return latest_by_version(env.from_source(source, WatermarkStrategy.no_watermarks(), name))


def keys_of(env: StreamExecutionEnvironment, topology: str, name: str) -> dict[str, str | None]:
    """What each key of a stream has, a deleted one as null."""
    found: dict[str, str | None] = {}
    with record_rows(newest(env, topology, name)).execute_and_collect() as rows:
        for row in rows:
            found[bytes(row.key).decode()] = None if row.delete else bytes(row.value).decode()
    return found


if __name__ == "__main__":
    jobs = {
        "sql": read_sql,
        "upserts": count_sql,
        "datastream": copy_stream,
        "latest": copy_upserts,
        "changes": write_changes,
    }
    job = jobs[sys.argv[1]]
    sys.stdout.write(json.dumps(job(*sys.argv[2:])) + "\n")
