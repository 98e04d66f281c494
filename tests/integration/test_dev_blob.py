"""A loop with a local cloud: Flink keeps its state there by workload identity, and gets it back exactly."""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.devkit import process
from anabranch.devkit.cloud_services import CloudSpec
from anabranch.devkit.loop import FlinkSpec, Loop, LoopSpec
from anabranch.pipelines.savepoints import take_savepoint
from tests.integration.cloud_requests import TOKEN, files_with_tokens, requests
from tests.integration.counting import RECORDS, Counting

if TYPE_CHECKING:
    from tests.conftest import StreamMaker, WriteCountingJob

# The first start on a machine installs Azurite.
pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.timeout(600)]

ANABRANCH = Path(sys.executable).with_name("anabranch")
STATE = "abfss://state@anabranch.dfs.core.windows.net"


@pytest.fixture
def loop() -> Iterator[Loop]:
    """One primary, one TaskManager, and a cloud that logs how it is asked and soon replaces tokens."""
    spec = LoopSpec(
        name=f"blob-{os.getpid()}-{uuid.uuid4().hex[:6]}",
        primaries=1,
        streams={},
        flink=FlinkSpec(task_managers=1, short_lived=True),
        cloud=CloudSpec(rotate_every_s=2, log_requests=True),
    )
    with Loop.up(spec) as loop:
        yield loop


@pytest.fixture
def two_brokers(loop: Loop) -> Loop:
    """On which the streams of these tests are made."""
    return loop


def submit(counting: Counting, loop: Loop) -> str:
    """Starts the job as a user would, without a word on where its checkpoints go; returns its id."""
    flink = loop.flink
    cluster = f"{flink.rest_address}:{flink.rest_port}"
    done = process.run([ANABRANCH, "run", counting.folder, "--cluster", cluster, "--detach"], timeout_s=180)
    assert done.code == 0, done.output
    (job,) = flink.rest.jobs()
    flink.rest.await_running(job.id, timeout_s=120)
    return job.id


def await_checkpoints(loop: Loop, job_id: str, more: int) -> None:
    """Until so many more than now are complete: what has been counted is in the second at the latest."""
    rest = loop.flink.rest
    wanted = rest.completed_checkpoints(job_id) + more
    process.await_condition(
        lambda: rest.completed_checkpoints(job_id) >= wanted, 60, "checkpoints", every_s=0.2
    )


def await_counted(counting: Counting, each: int) -> None:
    wanted = {f"r{run}": each for run in range(3)}
    process.await_condition(lambda: counting.counted() == wanted, 60, f"{wanted} to be counted", every_s=0.5)


def dev(loop: Loop, verb: str, *arguments: str) -> str:
    done = process.run([ANABRANCH, "dev", verb, "--name", loop.name, *arguments], timeout_s=120)
    assert done.code == 0, done.output
    return done.output


@pytest.mark.long
def test_state_comes_back_from_blob_storage_exactly(
    loop: Loop, make_stream: StreamMaker, tmp_path: Path, write_counting_job: WriteCountingJob
) -> None:
    counting, flink = Counting(make_stream, tmp_path, write_counting_job), loop.flink
    counting.write(0)
    job_id = submit(counting, loop)
    await_counted(counting, RECORDS // 3)
    await_checkpoints(loop, job_id, 2)
    # Whoever lost the state would have nothing to count again.
    counting.forget_what_was_read()
    assert dev(loop, "restart", "azurite") == "azurite: up\n", "and it still has what it had"

    flink.kill_task_manager(0)
    asked_before = len(requests(loop))
    flink.start_task_manager(0)
    flink.rest.await_running(job_id, timeout_s=120)
    restored = flink.rest.checkpoints(job_id)["latest"]["restored"]["external_path"]
    assert restored.startswith(f"{STATE}/checkpoints/{job_id}/chk-"), "nobody told the job where"
    counting.write(RECORDS)
    await_counted(counting, 2 * RECORDS // 3)
    await_checkpoints(loop, job_id, 1)
    assert take_savepoint(flink.rest, job_id).startswith(f"{STATE}/savepoints/savepoint-")

    asked = requests(loop)
    fetched = [one for one in asked[asked_before:] if one.method == "GET" and job_id in one.url]
    assert fetched, "the state was fetched"
    assert len(asked) > 20
    assert all(one.authorization.startswith("Bearer ey") for one in asked)

    shown = dev(loop, "status")
    assert f"\ncheckpoints: {STATE}/checkpoints\n" in shown
    assert re.search(r"azurite +up .* https://127\.0\.0\.1:\d+/anabranch ", shown)
    told = dev(loop, "status", "--json")
    assert json.loads(told)["cloud"]["location"] == STATE
    assert not TOKEN.search((shown + told).encode())
    assert files_with_tokens(loop) == {"cloud/azurite-requests.log", "cloud/identity/token"}, (
        "as was asked for"
    )
