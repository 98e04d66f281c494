"""Submits an endless job with keyed state and a checkpoint each second on four slots; prints its id.

A program of its own: PyFlink starts a JVM in whatever imports it and leaves its pipes open.
Usage: counting_job.py REST_ADDRESS REST_PORT
"""

from __future__ import annotations

import sys

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

config = Configuration()
config.set_string("execution.target", "remote")
config.set_string("rest.address", sys.argv[1])
config.set_string("rest.port", sys.argv[2])
config.set_string("execution.checkpointing.interval", "1 s")
config.set_string("parallelism.default", "4")
settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(config).build()
table = TableEnvironment.create(settings)
table.execute_sql("CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100')")
table.execute_sql("CREATE TABLE nowhere (k BIGINT, c BIGINT) WITH ('connector' = 'blackhole')")
job = table.execute_sql("INSERT INTO nowhere SELECT MOD(n, 7), COUNT(*) FROM numbers GROUP BY MOD(n, 7)")
client = job.get_job_client()
assert client is not None
print(client.get_job_id())
