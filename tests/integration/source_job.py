"""A job that writes down, in Python, each record that the union source hands it.

A program of its own: PyFlink starts a JVM in whatever imports it and leaves its pipes open.
Usage: python -m tests.integration.source_job TOPOLOGY STREAM FILE [OPTION=VALUE …]
"""

from __future__ import annotations

import sys
from pathlib import Path

from pyflink.common import Types, WatermarkStrategy

from anabranch.connectors import UnionSource
from anabranch.connectors.flink.streams import record_rows
from tests.integration.connector_jobs import environment

topology, stream, file, *settings = sys.argv[1:]
options = dict(setting.split("=", 1) for setting in settings)


def write_down(value: bytes) -> str:
    """No restart comes between, so that what is in the file is what was handed over, as often as it was."""
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(value.decode() + "\n")
    return value.decode()


env = environment()
source = UnionSource(topology, stream, options=options)
records = env.from_source(source, WatermarkStrategy.no_watermarks(), stream)
record_rows(records).map(lambda row: write_down(bytes(row.value)), Types.STRING()).filter(
    lambda _: False
).print()
env.execute("write down")
