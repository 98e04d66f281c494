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


EARLY = """
import gc, os, signal, time
# A hook that was there before: what it makes brings a collection, if one may come.
kept = []
os.register_at_fork(after_in_child=lambda: kept.extend([] for _ in range(10)))
gc.disable()
from confluent_kafka import Producer
from anabranch.connectors import PrismProducer

for _ in range(8):  # one alone is not always caught
    client = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    client.poll(0.1)
    cycle = [client]
    cycle.append(cycle)
    del client, cycle
    gc.enable()
    pid = os.fork()
    if pid == 0:
        os._exit(0 if gc.isenabled() else 2)
    assert gc.isenabled()
    gc.disable()
    deadline = time.monotonic() + 10
    while (ended := os.waitpid(pid, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    assert ended[1] == 0, ended
"""


def test_nor_does_it_while_hooks_run_that_were_there_before() -> None:
    program = [sys.executable, "-c", EARLY]
    done = subprocess.run(program, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_a_child_does_not_collect_its_parents_clients() -> None:
    # It would wait for their threads for ever, or crash.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
