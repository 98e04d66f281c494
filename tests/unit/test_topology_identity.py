"""Workload identity: one sentence for what is wrong, a fresh file each time, and no token anywhere else."""

from __future__ import annotations

import contextlib
import gc
import http.server
import json
import logging
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from anabranch.devkit import process
from anabranch.devkit.certificates import Authority
from anabranch.devkit.token_service import CLIENT_ID, KAFKA, TENANT_ID, TokenService, _Handler
from anabranch.errors import AnabranchError, ConfigurationError, EnvironmentMissingError, UnavailableError
from anabranch.topology import Primary, WorkloadIdentity, await_token, librdkafka_config
from anabranch.topology.kafka_tokens import KafkaTokens, _sources, kafka_tokens

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "identity.json").read_text("utf-8"))
SCOPE = f"{KAFKA}/.default"
FEDERATED = VECTORS["files"]["token"].strip()


class _QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not trust it hang up."""


class Cloud:
    """A token service over TLS, with an authority of its own, and what a pod finds."""

    def __init__(self, folder: Path, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        authority = Authority.create(folder / "tls")
        self.ca = str(authority.ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("tokens"))
        self.server = _QuietServer(("127.0.0.1", 0), handler)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.environment = {
            "AZURE_CLIENT_ID": CLIENT_ID,
            "AZURE_TENANT_ID": TENANT_ID,
            "AZURE_FEDERATED_TOKEN_FILE": str(folder / "token"),
            "AZURE_AUTHORITY_HOST": f"https://127.0.0.1:{self.server.server_port}/",
        }

    def primary(self, **auth: str) -> Primary:
        block = {"type": "workload-identity", "scope": SCOPE, "token_ca": f"file:{self.ca}", **auth}
        return Primary.model_validate({"bootstrap": ["127.0.0.1:1"], "auth": block})

    def tokens(self, **changes: str) -> KafkaTokens:
        return KafkaTokens(WorkloadIdentity.of({**self.environment, **changes}), SCOPE, self.ca)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


class Quiet(_Handler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def service(tmp_path: Path) -> TokenService:
    service = TokenService(tmp_path / "token")
    service.rotate()
    return service


@pytest.fixture
def cloud(service: TokenService, tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path, type("Handler", (Quiet,), {"service": service}))
    with cloud.serving():
        yield cloud


def _named(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases])


def _written(folder: Path) -> dict[str, str]:
    for name, text in VECTORS["files"].items():
        (folder / name).write_text(text)
    return {name: value.replace("${DIR}", str(folder)) for name, value in VECTORS["environment"].items()}


@_named(VECTORS["settings"])
def test_what_is_wrong_is_one_sentence_with_the_variable(case: dict[str, Any], tmp_path: Path) -> None:
    environment = _written(tmp_path)
    changes = {name: value.replace("${DIR}", str(tmp_path)) for name, value in case["changes"].items()}
    with pytest.raises(ConfigurationError) as caught:
        WorkloadIdentity.of({**environment, **changes})
    assert caught.value.message == case["error"].replace("${DIR}", str(tmp_path))
    assert caught.value.__cause__ is None


def test_the_public_cloud_is_the_default(tmp_path: Path) -> None:
    environment = _written(tmp_path)
    environment["AZURE_AUTHORITY_HOST"] = ""
    assert WorkloadIdentity.of(environment).authority == "https://login.microsoftonline.com/"


@_named(VECTORS["answers"])
def test_what_the_service_says_becomes_one_sentence(
    case: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(case["body"]).encode()
            self.send_response(case["status"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    caplog.set_level(logging.DEBUG)
    cloud = Cloud(tmp_path, Endpoint)
    environment = {**_written(tmp_path), "AZURE_AUTHORITY_HOST": cloud.environment["AZURE_AUTHORITY_HOST"]}
    tokens = KafkaTokens(WorkloadIdentity.of(environment), SCOPE, cloud.ca)
    with cloud.serving(), pytest.raises(AnabranchError) as caught:
        tokens.await_token()
    expected = case["error"].replace("${AUTHORITY}", environment["AZURE_AUTHORITY_HOST"])
    assert caught.value.message == tokens.problem == expected
    assert caught.value.retryable == ("refuses" not in expected)
    assert FEDERATED not in caplog.text
    assert caplog.records == [record for record in caplog.records if record.levelno < logging.WARNING]


def given(tokens: KafkaTokens) -> tuple[str, float]:
    """What a client is given."""
    found = tokens.callback(None)
    assert found is not None
    assert found == tokens.callback("")
    return found


def test_gives_a_token_that_is_asked_for_once(service: TokenService, cloud: Cloud) -> None:
    tokens = cloud.tokens()
    assert given(tokens) == ("none", 0.0)
    for _ in range(2):
        tokens.await_token()
    token, expires_at = given(tokens)
    assert token.count(".") == 2
    assert 3_500 < expires_at - time.time() < 3_700
    assert service.control({})["given"] == 1


def test_renews_it_with_what_is_in_the_file_now(service: TokenService, cloud: Cloud) -> None:
    service.control({"lifetime_s": ["2"]})
    tokens = cloud.tokens()
    tokens.await_token()
    first, expires_at = given(tokens)
    service.rotate()
    process.await_condition(lambda: given(tokens)[0] != first, 10, "another token")
    assert time.time() < expires_at
    assert service.control({}) == {"given": 2, "refused": 0}


def test_a_token_that_is_good_is_enough_while_the_service_is_down(
    service: TokenService, cloud: Cloud
) -> None:
    service.control({"lifetime_s": ["4"]})
    tokens = cloud.tokens()
    tokens.await_token()
    first = given(tokens)
    service.control({"status": ["503"]})
    process.await_condition(lambda: tokens.problem is not None, 10, "an attempt")
    tokens.await_token()
    assert given(tokens) == first
    process.await_condition(lambda: time.time() > first[1], 10, "its end")
    with pytest.raises(UnavailableError, match="status 503"):
        tokens.await_token()


def test_what_nobody_uses_is_renewed_no_more(cloud: Cloud) -> None:
    tokens = cloud.tokens()
    tokens.await_token()
    keepers = [thread for thread in threading.enumerate() if thread.name == "kafka-tokens"]
    assert keepers
    del tokens

    def ended() -> bool:
        gc.collect()
        return not keepers[-1].is_alive()

    process.await_condition(ended, 10, "its thread")


def test_no_token_is_shown(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = cloud.tokens()
    tokens.await_token()
    token, _ = given(tokens)
    federated = Path(cloud.environment["AZURE_FEDERATED_TOKEN_FILE"]).read_text()
    with cloud.tokens()._identity.credential(ca=cloud.ca) as credential:
        assert credential.get_token(SCOPE).token
        config = librdkafka_config(cloud.primary(), env=cloud.environment)
        shown = f"{caplog.text}{tokens!r}{tokens._held!r}{tokens.callback!r}{config!r}"
        shown += f"{tokens._identity!r}{credential!r}"
    assert caplog.text
    for secret in (token, federated, *token.split(".")[1:]):
        assert secret not in shown


def test_the_sdk_is_given_tokens_that_it_keeps(service: TokenService, cloud: Cloud) -> None:
    with WorkloadIdentity.of(cloud.environment).credential(ca=cloud.ca) as credential:
        assert credential.get_token(SCOPE) == credential.get_token(SCOPE)
        assert credential.get_token_info(SCOPE).token
    assert service.control({})["given"] == 1


def test_an_authority_that_is_not_known_is_not_trusted(cloud: Cloud) -> None:
    tokens = KafkaTokens(WorkloadIdentity.of(cloud.environment), SCOPE, None)
    with pytest.raises(UnavailableError) as caught:
        tokens.await_token()
    where = cloud.environment["AZURE_AUTHORITY_HOST"]
    assert caught.value.message == (
        f"the token service {where} gives no access token: its certificate is not trusted"
    )


@_named(VECTORS["authorities"])
def test_authorities_that_cannot_be_read_are_named(
    case: dict[str, Any], cloud: Cloud, tmp_path: Path
) -> None:
    environment = {**_written(tmp_path), "AZURE_AUTHORITY_HOST": cloud.environment["AZURE_AUTHORITY_HOST"]}
    ca, expected = (case[name].replace("${DIR}", str(tmp_path)) for name in ("ca", "error"))
    tokens = KafkaTokens(WorkloadIdentity.of(environment), SCOPE, ca)
    with pytest.raises(ConfigurationError) as caught:
        tokens.await_token()
    assert caught.value.message == tokens.problem == expected


def test_a_token_that_is_kept_needs_no_authorities(cloud: Cloud) -> None:
    with WorkloadIdentity.of(cloud.environment).credential(ca=cloud.ca) as credential:
        given = credential.get_token(SCOPE)
        Path(cloud.ca).unlink()
        assert credential.get_token(SCOPE) == given


def test_a_service_that_is_down(cloud: Cloud) -> None:
    where = "https://127.0.0.1:1/"
    with pytest.raises(UnavailableError) as caught:
        cloud.tokens(AZURE_AUTHORITY_HOST=where).await_token()
    assert caught.value.message == f"the token service {where} gives no access token: no answer"


def test_those_who_waited_for_one_that_failed_do_not_wait_again(cloud: Cloud) -> None:
    tokens = cloud.tokens(AZURE_CLIENT_ID="somebody")
    failures: list[str] = []

    def ask() -> None:
        with pytest.raises(ConfigurationError) as caught:
            tokens.await_token()
        failures.append(caught.value.message)

    tokens._lock.acquire()
    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    tokens._lock.release()
    for thread in threads:
        thread.join()
    assert len(failures) == 5
    assert "AADSTS700016, AZURE_CLIENT_ID names nobody" in failures[0]


def test_equal_settings_are_one_source(cloud: Cloud) -> None:
    one, same = (librdkafka_config(cloud.primary(), env=cloud.environment) for _ in range(2))
    assert one == same
    other = librdkafka_config(cloud.primary(scope="https://x/.default"), env=cloud.environment)
    assert other != one


@pytest.mark.parametrize("kind", [Producer, Consumer, AdminClient])
def test_clients_need_no_poll_for_their_token(kind: Any, service: TokenService, cloud: Cloud) -> None:
    config = librdkafka_config(cloud.primary(), env=cloud.environment)
    service.control({"lifetime_s": ["2"]})
    await_token(config)
    client = kind(
        {**config, "group.id": "g", "log_level": 0} if kind is Consumer else {**config, "log_level": 0}
    )
    deadline = time.monotonic() + 20
    while service.control({})["given"] < 3:
        assert time.monotonic() < deadline, "it does not renew its token"
        time.sleep(0.05)
    if kind is Consumer:
        client.close()


def test_await_token_says_why(cloud: Cloud) -> None:
    config = librdkafka_config(cloud.primary(), env={**cloud.environment, "AZURE_TENANT_ID": "elsewhere"})
    with pytest.raises(ConfigurationError, match="AADSTS90002, AZURE_TENANT_ID names no tenant"):
        await_token(config)
    await_token({"bootstrap.servers": "h:1"})


GARBAGE = """
import gc, sys, time
from confluent_kafka import Producer
from anabranch.topology import Primary, await_token, librdkafka_config

config = librdkafka_config(Primary.model_validate_json(sys.argv[1]))
await_token(config)
# As a closed transport is: only the collector can free it, and every allocation may set that off.
cycle = [Producer({**config, "log_level": 0})]
cycle.append(cycle)
del cycle
gc.set_threshold(1)
time.sleep(6)
print("alive")
"""


def test_a_client_that_is_garbage_when_it_asks_ends_nothing(service: TokenService, cloud: Cloud) -> None:
    service.control({"lifetime_s": ["2"]})
    argv = [sys.executable, "-c", GARBAGE, cloud.primary().model_dump_json()]
    done = process.run(["env", *(f"{k}={v}" for k, v in cloud.environment.items()), *argv], timeout_s=60)
    assert (done.code, done.output.splitlines()[-1:]) == (0, ["alive"]), done.output


def test_equal_settings_are_one_source_until_a_fork() -> None:
    identity = WorkloadIdentity("c", "t", Path("/f"), "https://a")
    before = kafka_tokens(identity, SCOPE, None)
    assert kafka_tokens(identity, SCOPE, None) is before
    _sources.forget()  # as it is done in the child
    assert kafka_tokens(identity, SCOPE, None) is not before


def test_the_package_is_missed_before_anything_starts(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EnvironmentMissingError, match="needs the package azure-identity") as caught:
        librdkafka_config(cloud.primary(), env=cloud.environment)
    assert caught.value.hint == "pip install 'anabranch[azure]'"
