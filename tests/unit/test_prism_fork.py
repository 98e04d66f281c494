"""A fork of a process in which clients of Kafka have become garbage that nobody has collected yet."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import gc, os, signal
gc.disable()
from confluent_kafka import Producer
from anabranch.connectors import PrismProducer

client = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
client.poll(0.1)
cycle = [client]
cycle.append(cycle)
del client, cycle
pid = os.fork()
if pid == 0:
    signal.alarm(10)
    gc.collect()
    os._exit(0)
_, status = os.waitpid(pid, 0)
os._exit(0 if status == 0 else 1)
"""


def test_a_child_does_not_collect_its_parents_clients() -> None:
    # It would wait for their threads for ever, or crash.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
