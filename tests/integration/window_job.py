"""A job that writes down how many records each minute of a stream has, once its window is over.

A program of its own: PyFlink starts a JVM in whatever imports it and leaves its pipes open.
Usage: python -m tests.integration.window_job TOPOLOGY STREAM FILE [OPTION=VALUE …]
"""

from __future__ import annotations

import sys
from pathlib import Path

from anabranch.connectors.flink.session import FlinkSession
from anabranch.connectors.jar_files import jar_paths
from tests.integration.connector_jobs import options

topology, stream, file, *settings = sys.argv[1:]
source = {"connector": "union", "topology": topology, "stream": stream, "format": "json"}
source |= dict(setting.split("=", 1) for setting in settings)

session = FlinkSession(options() | {"table.local-time-zone": "UTC"}, jars=jar_paths())
session.execute(
    f"""CREATE TEMPORARY TABLE arrivals (
        run STRING,
        t TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
        WATERMARK FOR t AS SOURCE_WATERMARK()
    ) WITH ({", ".join(f"'{name}' = '{value}'" for name, value in source.items())})"""
)
counts = """SELECT UNIX_TIMESTAMP(CAST(window_start AS STRING)) / 60, COUNT(*)
    FROM TABLE(TUMBLE(TABLE arrivals, DESCRIPTOR(t), INTERVAL '1' MINUTE))
    GROUP BY window_start, window_end"""
for minute, records in session.collect(counts):
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(f"{minute} {records}\n")
