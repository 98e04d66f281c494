"""Typed auth as configuration of librdkafka: the cases that the Java side is held to as well."""

import base64
import contextlib
import http.server
import json
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from confluent_kafka import Producer
from pydantic import TypeAdapter

from anabranch.errors import ConfigurationError, TopologyError
from anabranch.topology import Auth, Primary, librdkafka_config, parse_topology

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "auth.json").read_text("utf-8"))
AUTH: TypeAdapter[Any] = TypeAdapter(Auth)


def _named(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases])


def _words(auth: dict[str, Any]) -> list[str]:
    return [word for word in ("file:", "oauthbearer", "workload-identity") if word in json.dumps(auth)]


@contextlib.contextmanager
def http_server(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in VECTORS["files"].items():
        (tmp_path / name).write_bytes(text.encode())
    return tmp_path


def _filled(value: Any, folder: Path) -> Any:
    return json.loads(json.dumps(value).replace("${DIR}", str(folder)))


def _environment(folder: Path) -> dict[str, str]:
    return {**VECTORS["environment"], **_filled(VECTORS["identity"], folder)}


def _primary(case: dict[str, Any], folder: Path) -> Primary:
    return Primary.model_validate({"bootstrap": VECTORS["bootstrap"], "auth": _filled(case["auth"], folder)})


@_named(VECTORS["cases"])
def test_translation_is_the_shared_one(case: dict[str, Any], folder: Path) -> None:
    config = librdkafka_config(_primary(case, folder), env=_environment(folder))
    if "oauth_cb" in config:
        config["oauth_cb"] = repr(config["oauth_cb"].__self__)
    assert config == _filled(case["librdkafka"], folder)


@_named(
    [
        case
        for case in VECTORS["cases"]
        if not {"file:", "oauthbearer", "workload-identity"} & set(_words(case["auth"]))
    ],
)
def test_librdkafka_takes_each_property(case: dict[str, Any], folder: Path) -> None:
    # PEM files of the vectors hold no real certificates; those cases are run against real brokers.
    config = librdkafka_config(_primary(case, folder), env=_environment(folder))
    Producer({**config, "bootstrap.servers": "127.0.0.1:1", "log_level": 0})


def test_librdkafka_fetches_its_token_from_the_endpoint() -> None:
    requests: queue.Queue[tuple[str, str]] = queue.Queue()

    class Endpoint(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            requests.put((self.headers["Authorization"], body))
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http_server(Endpoint) as url:
        primary = Primary.model_validate(
            {
                "bootstrap": ["127.0.0.1:1"],
                "auth": {
                    "type": "oauthbearer",
                    "token_endpoint": f"{url}/token",
                    "client_id": "pipelines",
                    "client_secret": "env:PASSWORD",
                    "scope": "kafka write",
                },
            }
        )
        config = librdkafka_config(primary, env=VECTORS["environment"])
        producer = Producer({**config, "log_level": 0})
        authorization, body = requests.get(timeout=30)
        del producer
    assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == "pipelines:hunter2"
    assert parse_qs(body) == {"grant_type": ["client_credentials"], "scope": ["kafka write"]}


@_named(VECTORS["errors"])
def test_what_is_missing_is_one_sentence(case: dict[str, Any], folder: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        librdkafka_config(_primary(case, folder), env=_environment(folder))
    assert caught.value.message == _filled(case["error"], folder)
    assert caught.value.hint
    assert caught.value.__cause__ is None


@_named(VECTORS["cases"])
def test_no_secret_in_repr_or_dump(case: dict[str, Any], folder: Path) -> None:
    primary = _primary(case, folder)
    shown = f"{primary!r}{primary}{primary.model_dump_json()}"
    for secret in [*VECTORS["environment"].values(), "from a file", "a2V5"]:
        assert not secret or secret not in shown


@pytest.mark.parametrize(
    "auth",
    [
        {"type": "plain", "username": "alice", "password": "hunter2"},
        {"type": "scram", "username": "alice", "password": ["hunter2"]},
        {"type": "scram", "username": "alice", "pasword": "hunter2"},
        {"type": "oauthbearer", "client_secret": "hunter2"},
        "hunter2",
        ["hunter2"],
    ],
)
def test_a_pasted_secret_does_not_come_back_in_the_error(auth: Any) -> None:
    document = {
        "generation": 1,
        "groups": {"g": {"primaries": {"a": {"bootstrap": ["h:1"], "auth": auth}}, "streams": {}}},
    }
    with pytest.raises(TopologyError) as caught:
        parse_topology(json.dumps(document))
    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in f"{error!s}{error!r}"
        error = error.__cause__ or error.__context__
