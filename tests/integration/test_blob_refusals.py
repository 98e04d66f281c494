"""What whoever starts a job is told when storage or identity refuse it, at its start and at a restore."""

from __future__ import annotations

import http.server
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anabranch.devkit.ports import claim_ports
from anabranch.devkit.state import write_atomically
from tests.integration.account import Account
from tests.integration.stored_loop import STATE, StoredLoop, stored_loop

if TYPE_CHECKING:
    from anabranch.devkit.loop import Loop
    from tests.conftest import StreamMaker
    from tests.integration.conftest import JobRun, RunJob

pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.long, pytest.mark.timeout(600)]

_TOKENS_S = 5
# Which the local token service adds for tokens that are on their way.
_GRACE_S = 5
_ROLE = "give it the role Storage Blob Data Contributor on the account or container"
_SAID = {
    "identity": r"the token service gives client [0-9-]+ of tenant [0-9-]+ no token \(AADSTS700213\): see "
    "AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE and AZURE_AUTHORITY_HOST, and the "
    "identity's federated credential",
    "container": "account anabranch has no container absent: create it, or correct the path",
    "other": r"account theirs refuses client [0-9-]+ of tenant [0-9-]+ \(AuthorizationPermissionMismatch\): "
    + _ROLE,
}
_PLACES = {
    "identity": STATE,
    "container": "abfss://absent@anabranch.dfs.core.windows.net",
    "other": "abfss://state@theirs.dfs.core.windows.net",
}


class _Refusal(http.server.BaseHTTPRequestHandler):
    """Blob Storage of somebody else, whose roles do not name us."""

    protocol_version = "HTTP/1.1"
    code = "AuthorizationPermissionMismatch"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = f"<?xml version='1.0'?><Error><Code>{self.code}</Code></Error>".encode()
        self.send_response(403)
        self.send_header("x-ms-error-code", self.code)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def refusing(port: int, tls: Path) -> Iterator[None]:
    """An account that lets nobody in."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _Refusal)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "cloud.pem", tls / "cloud.key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def module_stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoredLoop]:
    (port,) = claim_ports(1, tmp_path_factory.mktemp("theirs"))
    theirs = {"fs.azure.blob.endpoint.theirs": f"https://127.0.0.1:{port}/theirs"}
    with (
        stored_loop(token_lifetime_s=_TOKENS_S, rotate_every_s=0, options=theirs) as stored,
        refusing(port, stored.loop.cloud.folder / "tls"),
    ):
        yield stored


@pytest.fixture
def stored(module_stored: StoredLoop) -> Iterator[StoredLoop]:
    yield module_stored
    module_stored.tokens("rotate")
    module_stored.mend()


@pytest.fixture
def two_brokers(module_stored: StoredLoop) -> Loop:
    """On which the streams of these tests are made."""
    return module_stored.loop


@pytest.fixture
def account(make_stream: StreamMaker, tmp_path: Path) -> Account:
    return Account(make_stream, tmp_path)


def run_on(stored: StoredLoop, run_job: RunJob, account: Account, *options: str) -> JobRun:
    flink = stored.loop.flink
    return run_job(account.folder, f"--cluster={flink.rest_address}:{flink.rest_port}", *options)


def take_away_identity(stored: StoredLoop) -> None:
    """The token service knows the pod's token no more, and nobody has an access token left."""
    write_atomically(stored.loop.cloud.folder / "identity" / "token", "another.cluster.s", mode=0o600)
    time.sleep(_TOKENS_S + _GRACE_S + 1)


def told(run: JobRun, sentence: str) -> str:
    """The error that the command ends with."""
    assert run.await_end(200) == 1, run.text
    error = run.text[run.text.rindex("error: ") :]
    assert re.search(sentence, error), run.text
    assert len(error.splitlines()) < 15, error
    return error


@pytest.mark.parametrize("refused", _SAID)
def test_at_the_start(stored: StoredLoop, account: Account, run_job: RunJob, refused: str) -> None:
    account.write(10)
    if refused == "identity":
        take_away_identity(stored)
    run = run_on(stored, run_job, account, f"--checkpoint-dir={_PLACES[refused]}/checkpoints")
    told(run, _SAID[refused])


@pytest.mark.parametrize("refused", _SAID)
def test_at_a_restore(stored: StoredLoop, account: Account, run_job: RunJob, refused: str) -> None:
    if refused == "identity":
        take_away_identity(stored)
    run = run_on(stored, run_job, account, f"--restore={_PLACES[refused]}/checkpoints/{'ab' * 16}/chk-7")
    told(run, _SAID[refused])


def test_a_checkpoint_that_is_not_there(stored: StoredLoop, account: Account, run_job: RunJob) -> None:
    absent = f"{STATE}/checkpoints/{'ab' * 16}/chk-7"
    error = told(run_on(stored, run_job, account, f"--restore={absent}"), re.escape(absent))
    assert "holds _metadata" in error


def test_a_checkpoint_that_lacks_a_file(stored: StoredLoop, account: Account, run_job: RunJob) -> None:
    account.write(300)
    job_id = account.submit(stored)
    account.await_exact()
    stored.await_checkpoints(job_id, 2)
    stored.loop.flink.rest.cancel(job_id)
    newest, place = max(stored.complete(job_id).items())
    shared = set(stored.blobs(f"checkpoints/{job_id}/shared/"))
    own = [name for name in stored.blobs(f"checkpoints/{job_id}/chk-{newest}/") if "_metadata" not in name]
    assert shared, own
    victim = own[0]
    stored.delete_blob(victim)
    error = told(
        run_on(stored, run_job, account, f"--restore={place}"), re.escape(f"{STATE}/{victim} does not exist")
    )
    assert "another checkpoint" in error


def test_a_pod_without_identity(account: Account, run_job: RunJob) -> None:
    with stored_loop(environment={"AZURE_CLIENT_ID": ""}) as stored:
        told(run_on(stored, run_job, account), "AZURE_CLIENT_ID is not set: it must be the client id")
