"""Storage, and the token service, away for a minute under a running job: it goes on, and loses nothing.

The job has the settings that a user gets. The cluster keeps all of its checkpoints, so that the last one
before an outage can be restored after it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.integration.account import Account
from tests.integration.cloud_requests import files_with_tokens, requests
from tests.integration.stored_loop import StoredLoop, stored_loop

if TYPE_CHECKING:
    from pathlib import Path

    from anabranch.devkit.loop import Loop
    from tests.conftest import StreamMaker

pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.long, pytest.mark.timeout(900)]

_OUTAGE_S = 60
# Azurite writes down every 5 s which blobs it has; what it has not written is lost by its kill.
_NOTED_S = 6.5
_SHORT_TOKENS_S = 20
_WATCHED_S = 210


@pytest.fixture(scope="module")
def module_stored() -> Iterator[StoredLoop]:
    # A job on a cluster has no say in it.
    keeps = {"execution.checkpointing.num-retained": "100"}
    with stored_loop(token_lifetime_s=_SHORT_TOKENS_S, options=keeps) as stored:
        yield stored


@pytest.fixture
def stored(module_stored: StoredLoop) -> Iterator[StoredLoop]:
    module_stored.tokens(f"lifetime_s={_SHORT_TOKENS_S}")
    yield module_stored
    module_stored.mend()


@pytest.fixture
def two_brokers(module_stored: StoredLoop) -> Loop:
    """On which the streams of these tests are made."""
    return module_stored.loop


@pytest.fixture
def account(make_stream: StreamMaker, tmp_path: Path) -> Account:
    return Account(make_stream, tmp_path, checkpoints="{}")


def watch(stored: StoredLoop, job_id: str, seconds: float) -> None:
    """Lets time pass, in which the job must not stop running for a moment."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert stored.loop.flink.rest.job(job_id).is_running
        time.sleep(0.5)


def quiet_moment(stored: StoredLoop, job_id: str) -> int:
    """Returns when Azurite has noted all of a checkpoint and none is in progress; the checkpoint's number."""
    while True:
        stored.await_checkpoints(job_id, 1)
        last = stored.latest_completed(job_id)
        time.sleep(_NOTED_S)
        if stored.in_progress(job_id) is None and stored.latest_completed(job_id) == last:
            return last


def failed(stored: StoredLoop, job_id: str) -> int:
    """How many checkpoints Flink has given up."""
    return int(stored.loop.flink.rest.checkpoints(job_id)["counts"]["failed"])


def reasons(stored: StoredLoop) -> list[str]:
    """Why Flink gave up checkpoints, as its log has it."""
    lines = stored.loop.flink.job_manager.log_path.read_text().splitlines()
    return [line for line in lines if "CheckpointException: " in line]


@pytest.mark.parametrize("how", ["killed", "paused"])
def test_azurite_is_away_for_a_minute(stored: StoredLoop, account: Account, how: str) -> None:
    rest, azurite = stored.loop.flink.rest, stored.loop.cloud.blob
    account.write(300)
    job_id = account.submit(stored)
    account.await_exact()
    stored.await_checkpoints(job_id, 1)
    account.forget_what_was_read()

    with account.writing():
        before = quiet_moment(stored, job_id)
        (azurite.kill if how == "killed" else azurite.pause)()
        counted = account.total()
        watch(stored, job_id, _OUTAGE_S)
        assert account.total() > counted + 500, "records are counted all the time"
        assert stored.latest_completed(job_id) == before, "none could be completed"
        if how == "killed":
            assert failed(stored, job_id) > 0
            stored.loop.restart("azurite")
        else:
            azurite.resume()
        stored.await_checkpoints(job_id, 2, 120)
    assert rest.job(job_id).is_running
    assert stored.restarts(job_id) == 0
    account.await_exact()
    stored.await_checkpoints(job_id, 2)

    after = stored.latest_completed(job_id)
    rest.cancel(job_id)
    kept = stored.complete(job_id)
    assert {before, after} <= set(kept), "what was reported complete is there"
    # Of either: the first records are in no log any more, and each new one shows all that was counted before.
    for number in (before, after):
        again = account.submit(stored, f"--restore={kept[number]}")
        account.write(50)
        account.write_again(50)
        account.await_exact()
        rest.cancel(again)


@pytest.mark.parametrize("how", ["killed", "paused"])
def test_the_token_service_is_away_for_longer_than_tokens_live(
    stored: StoredLoop, account: Account, how: str
) -> None:
    tokens = stored.loop.cloud.tokens
    account.write(300)
    job_id = account.submit(stored)
    account.await_exact()
    stored.await_checkpoints(job_id, 2)

    with account.writing():
        (tokens.kill if how == "killed" else tokens.pause)()
        counted = account.total()
        watch(stored, job_id, _SHORT_TOKENS_S + 10)
        last = stored.latest_completed(job_id)
        watch(stored, job_id, _OUTAGE_S - _SHORT_TOKENS_S - 10)
        assert account.total() > counted + 500
        assert stored.latest_completed(job_id) == last, "nobody had a token"
        if how == "killed":
            stored.loop.restart("token-service")
            stored.tokens(f"lifetime_s={_SHORT_TOKENS_S}")
        else:
            tokens.resume()
        stored.await_checkpoints(job_id, 2, 120)
    assert stored.restarts(job_id) == 0
    account.await_exact()
    no_token_was_seen(stored)


def test_tokens_expire_and_rotate_under_a_job(stored: StoredLoop, account: Account) -> None:
    stored.tokens("lifetime_s=60")
    given, began = stored.tokens()["given"], time.time()
    account.write(300)
    job_id = account.submit(stored)
    stored.await_checkpoints(job_id, 1)
    at_the_start = failed(stored, job_id)  # those that came before all tasks ran
    end_s = time.time() + _WATCHED_S
    with account.writing(0.05):
        federated = set()
        completed = [0]
        while time.time() < end_s:
            watch(stored, job_id, 30)
            federated.add((stored.loop.cloud.folder / "identity" / "token").read_text())
            completed.append(stored.completed_checkpoints(job_id))
            assert completed[-1] > completed[-2], "checkpoints go on"
    account.await_exact()
    assert stored.restarts(job_id) == 0
    assert failed(stored, job_id) == at_the_start, reasons(stored)
    assert len(federated) >= 5
    told = stored.tokens()
    assert (told["given"] - given >= 6, told["refused"]) == (True, 0), "two processes, each minute"
    ends = sorted(expiries(stored, began))
    assert len(ends) >= 6
    assert ends[0] < time.time() - 100, "the first one was long dead"
    no_token_was_seen(stored)


def expiries(stored: StoredLoop, since_s: float) -> set[float]:
    """When the access tokens expire that Azurite was shown and that were given since then."""
    shown = {one.authorization.split(".")[1] for one in requests(stored.loop)}
    claims = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in shown]
    return {claim["exp"] for claim in claims if claim["iat"] >= since_s}


def no_token_was_seen(stored: StoredLoop) -> None:
    asked = requests(stored.loop)
    assert len(asked) > 20
    assert all(one.authorization.startswith("Bearer ey") for one in asked)
    assert files_with_tokens(stored.loop) == {"cloud/azurite-requests.log", "cloud/identity/token"}
