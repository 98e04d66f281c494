"""A Flink in this process that goes on after its job, and tells exactly what it did, until it is closed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anabranch.devkit import process
from anabranch.pipelines.ports import free_ports

pytestmark = [pytest.mark.flink, pytest.mark.timeout(120)]

# In a process of its own, since each has one JVM for good.
SCRIPT = """
import sys, time
from pathlib import Path
from anabranch.connectors.flink.session import FlinkSession
from anabranch.errors import UnavailableError
from anabranch.pipelines.rest import RestClient

port, folder, *options = sys.argv[1:]
configuration = {"parallelism.default": "3", "rest.address": "127.0.0.1", "rest.bind-port": port}
session = FlinkSession(configuration | dict(each.split("=") for each in options), log_folder=Path(folder))
rows = "WITH ('connector' = 'datagen', 'number-of-rows' = '1000')"
session.execute(f"CREATE TEMPORARY TABLE numbers (n BIGINT) {rows}")
session.execute("CREATE TEMPORARY TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole')")
session.insert("INSERT INTO nowhere SELECT n FROM numbers")
submission = session.submit("own")
submission.result()
rest = RestClient(f"http://127.0.0.1:{port}")
overview, job = rest.get("/overview"), rest.get(f"/jobs/{submission.job_id}")
[task_manager, _] = rest.get("/taskmanagers")["taskmanagers"]
for logs in rest.get("/jobmanager/logs"), rest.get(f"/taskmanagers/{task_manager['id']}/logs"):
    print([each["name"] for each in logs["logs"]])
print(job["state"], sum(each["metrics"]["write-records"] for each in job["vertices"]))
print(overview["taskmanagers"], overview["slots-total"])
submission.close()
deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    try:
        rest.get("/overview")
    except UnavailableError:
        print("closed")
        break
    time.sleep(0.1)
"""


def test_it_outlives_its_job_and_has_the_size_that_flink_would_choose(tmp_path: Path) -> None:
    [port] = free_ports(1)
    argv = [sys.executable, "-c", SCRIPT, str(port), str(tmp_path), "minicluster.number-of-taskmanagers=2"]
    done = process.run(argv, timeout_s=100, cwd=tmp_path)
    assert done.code == 0, done.output
    assert [path.suffix for path in tmp_path.iterdir()] == [".log"], "and no log by another name"
    *logs, state, size, end = done.output.splitlines()[-5:]
    assert [state, size, end] == ["FINISHED 1000", "2 4", "closed"]
    assert logs == [str([log.name]) for log in tmp_path.glob("*.log")] * 2


def test_what_keeps_a_job_from_being_set_up_is_raised_at_once(tmp_path: Path) -> None:
    [port] = free_ports(1)
    lost = "execution.state-recovery.path=file:///nowhere/chk-1"
    done = process.run([sys.executable, "-c", SCRIPT, str(port), str(tmp_path), lost], timeout_s=100)
    assert done.code == 1
    assert "in submit" in done.output
    assert "Cannot find checkpoint or savepoint" in done.output
