"""A TaskManager, and the JobManager, killed while a checkpoint is on its way to Blob Storage.

That it is on its way is seen before the kill: its files are in the container, and Flink says that it is in
progress. High availability needs ZooKeeper or Kubernetes, which are not here, so after the JobManager's death
the job is restored as a user does it, by ``--restore`` from the newest complete checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from anabranch.devkit import process
from tests.integration.account import Account
from tests.integration.stored_loop import CHECKPOINTS, StoredLoop, stored_loop

if TYPE_CHECKING:
    from pathlib import Path

    from anabranch.devkit.loop import Loop
    from tests.conftest import StreamMaker
    from tests.integration.conftest import RunJob

pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.long, pytest.mark.timeout(600)]

# How late each answer is: long enough to look at what it has done, and to kill who waits for it.
_SLOW_S = 5.0


@pytest.fixture(scope="module")
def module_stored() -> Iterator[StoredLoop]:
    with stored_loop() as stored:
        yield stored


@pytest.fixture
def stored(module_stored: StoredLoop) -> Iterator[StoredLoop]:
    yield module_stored
    module_stored.mend()


@pytest.fixture
def two_brokers(module_stored: StoredLoop) -> Loop:
    """On which the streams of these tests are made."""
    return module_stored.loop


@pytest.fixture
def account(make_stream: StreamMaker, tmp_path: Path) -> Account:
    return Account(make_stream, tmp_path)


def state_files(stored: StoredLoop, job_id: str, number: int) -> list[str]:
    """Those that belong to one checkpoint alone and are in the container."""
    names = stored.blobs(f"checkpoints/{job_id}/chk-{number}/")
    return [name for name in names if not name.endswith("/_metadata")]


def uploading(stored: StoredLoop, job_id: str) -> int:
    """Number of a checkpoint of which Azurite has files, and which waits for the late answers to these."""
    stored.link.slow(_SLOW_S)
    found: list[int] = []

    def is_open() -> bool:
        number = stored.in_progress(job_id)
        if number is not None and state_files(stored, job_id, number):
            found.append(number)
        return bool(found)

    process.await_condition(is_open, 60, "files of a checkpoint that is in progress", every_s=0.05)
    return found[0]


def test_a_task_manager_dies_while_it_uploads(stored: StoredLoop, account: Account) -> None:
    flink = stored.loop.flink
    account.write(300)
    job_id = account.submit(stored)
    account.await_exact()
    stored.await_checkpoints(job_id, 2)
    account.forget_what_was_read()

    with account.writing():
        stored.await_checkpoints(job_id, 1)
        number = uploading(stored, job_id)
        assert stored.in_progress(job_id) == number
        flink.kill_task_manager(0)
        stored.link.open()
        process.await_condition(lambda: flink.rest.job(job_id).state == "RESTARTING", 60, "its death")
        assert stored.outcome(job_id, number) == "FAILED"
        assert number not in stored.complete(job_id)
        flink.start_task_manager(0)
        flink.rest.await_running(job_id, timeout_s=120)
        assert flink.rest.restored_checkpoint(job_id) == number - 1
        stored.await_checkpoints(job_id, 2)
    account.write_again(50)
    account.await_exact()


@pytest.mark.parametrize("moment", ["uploading", "committed"])
def test_the_job_manager_dies_before_it_knows_of_a_checkpoint(
    stored: StoredLoop, account: Account, run_job: RunJob, moment: str
) -> None:
    flink = stored.loop.flink
    cluster = f"--cluster={flink.rest_address}:{flink.rest_port}"
    account.write(300)
    run = run_job(account.folder, cluster)
    run.await_event("progress", lambda event: event["checkpoints"] >= 1, 200)
    job_id = run.latest("started")["job_id"]
    account.await_exact()
    stored.await_checkpoints(job_id, 2)
    account.forget_what_was_read()

    with account.writing():
        stored.await_checkpoints(job_id, 1)
        number = uploading(stored, job_id) if moment == "uploading" else committed(stored, job_id)
        assert stored.in_progress(job_id) == number
        assert stored.latest_completed(job_id) == number - 1
        flink.job_manager.kill()
        stored.link.open()
        complete = stored.complete(job_id)
        assert (number in complete) == (moment == "committed")
        flink.restart_job_manager()
        assert not flink.rest.jobs(), "it has forgotten all, as without high availability"
        assert run.await_end(120) == 1
        assert "run it again, from a checkpoint by --restore" in run.text

        if moment == "uploading":
            torn = f"{CHECKPOINTS}/{job_id}/chk-{number}"
            refused = run_job(account.folder, cluster, f"--restore={torn}")
            assert refused.await_end(200) == 1
            assert torn in refused.text
        newest = max(complete)
        assert newest == (number if moment == "committed" else number - 1)
        again = account.submit(stored, f"--restore={complete[newest]}")
        assert flink.rest.restored_checkpoint(again) == newest
        stored.await_checkpoints(again, 1)
    account.write_again(50)
    account.await_exact()
    assert sum(tally.records for tally in account.wanted.values()) > 400


def committed(stored: StoredLoop, job_id: str) -> int:
    """Number of a checkpoint that is whole in the container, of which Flink has not been told yet."""
    stored.link.slow(_SLOW_S)
    process.await_condition(
        lambda: max(stored.complete(job_id)) > stored.latest_completed(job_id),
        120,
        "a checkpoint that is complete and not yet known",
        every_s=0.05,
    )
    return max(stored.complete(job_id))
