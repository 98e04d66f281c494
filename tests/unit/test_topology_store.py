"""Stores and publication: atomic, conditional, and of two publishers at once exactly one wins."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anabranch.errors import AnabranchError, ConfigurationError, TopologyError, UnavailableError
from anabranch.topology import load_topology, open_store, parse_topology, publish
from anabranch.topology.http_store import HttpStore
from anabranch.topology.store import TopologyStore


def document(generation: int, *primaries: str, note: str = "") -> str:
    lines = [f"# {note}", f"generation: {generation}", "groups:", "  g:", "    primaries:"]
    lines += [f'      {name}: {{bootstrap: ["{name}:9092"]}}' for name in primaries or ("a",)]
    return "\n".join([*lines, "    streams:", "      logs: {partitions: 2}", ""])


class Server:
    """One document behind HTTP with ETags; a test may have it misbehave."""

    def __init__(self) -> None:
        self.content: bytes | None = None
        self.etags = True
        self.requests: list[tuple[str, str | None]] = []
        self.authorizations: list[str | None] = []
        self.before_answer: Callable[[http.server.BaseHTTPRequestHandler], bool] = lambda _: False
        self.after_write: Callable[[http.server.BaseHTTPRequestHandler], bool] = lambda _: False
        self.url = ""
        self._lock = threading.Lock()

    def tag(self) -> str | None:
        if self.content is None:
            return None
        return f'"{hashlib.sha256(self.content).hexdigest()}"'

    def get(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        condition = handler.headers.get("If-None-Match")
        self.requests.append(("GET", condition))
        self.authorizations.append(handler.headers.get("Authorization"))
        if self.before_answer(handler):
            return
        if self.content is None:
            self.answer(handler, 404)
        elif self.etags and condition == self.tag():
            self.answer(handler, 304)
        else:
            self.answer(handler, 200, self.content)

    def put(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        match, none_match = handler.headers.get("If-Match"), handler.headers.get("If-None-Match")
        self.requests.append(("PUT", match or none_match))
        if self.before_answer(handler):
            return
        with self._lock:
            is_allowed = match == self.tag() if match else none_match == "*" and self.content is None
            if is_allowed:
                self.content = body
        if is_allowed and self.after_write(handler):
            return
        self.answer(handler, 204 if is_allowed else 412)

    def answer(self, handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes = b"") -> None:
        handler.send_response(status)
        if self.etags and (tag := self.tag()):
            handler.send_header("ETag", tag)
        if status not in (204, 304):
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.get(self)

        def do_PUT(self) -> None:
            state.put(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        state.url = f"http://127.0.0.1:{http_server.server_port}/topology.yaml"
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield state
        http_server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "http"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TopologyStore:
    if request.param == "file":
        return open_store(str(tmp_path / "topology.yaml"))
    return open_store(request.getfixturevalue("server").url)


def test_publishes_first_and_next_and_nothing_twice(store: TopologyStore) -> None:
    first = publish(store, document(1))
    assert (first.before, first.after.generation, first.changed) == (None, 1, True)
    assert not publish(store, document(1)).changed
    second = publish(store, document(2, "a", "b"))
    assert second.before == first.after
    found = store.read()
    assert found is not None
    assert found.text == document(2, "a", "b")
    assert store.read(found) is found


def test_another_layout_of_the_same_document_may_be_published(store: TopologyStore) -> None:
    publish(store, document(1))
    assert publish(store, document(1, note="more comments")).changed


def test_dry_run_writes_nothing(store: TopologyStore) -> None:
    assert publish(store, document(1), dry_run=True).changed
    assert store.read() is None


def test_who_comes_second_is_told_and_nothing_is_lost(store: TopologyStore) -> None:
    publish(store, document(1))
    seen = store.read()
    publish(store, document(2, "a", "b"))
    with pytest.raises(TopologyError, match="somebody else published meanwhile"):
        store.replace(document(2, "a", "c"), seen)
    with pytest.raises(TopologyError, match="somebody else published meanwhile"):
        store.replace(document(2, "a", "c"), None)
    found = store.read()
    assert found is not None
    assert found.text == document(2, "a", "b")


def test_of_many_publishers_at_once_one_wins(store: TopologyStore) -> None:
    publish(store, document(1))
    barrier = threading.Barrier(8)
    outcomes: list[str] = []

    def run(index: int) -> None:
        text = document(2, "a", f"n{index}")
        barrier.wait()
        try:
            publish(store, text)
            outcomes.append(text)
        except TopologyError:
            outcomes.append("")

    threads = [threading.Thread(target=run, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [text for text in outcomes if text]
    found = store.read()
    assert found is not None
    assert winners == [found.text]
    assert len(outcomes) == 8


def test_invalid_publication_is_replaced_only_on_demand(store: TopologyStore) -> None:
    store.replace("generation: [", None)
    with pytest.raises(TopologyError, match="what is published is invalid"):
        publish(store, document(1))
    assert publish(store, document(1), over_invalid=True).before is None


_PUBLISHER = """
import os, sys, time
from anabranch.errors import TopologyError
from anabranch.topology import open_store, publish
path, text, start = sys.argv[1:]
print("ready", flush=True)
while not os.path.exists(start):
    time.sleep(0.002)
try:
    publish(open_store(path), text)
    print("won")
except TopologyError as error:
    print("lost:", error)
"""


def test_file_lock_holds_between_processes(tmp_path: Path) -> None:
    path, start = tmp_path / "topology.yaml", tmp_path / "start"
    publish(open_store(str(path)), document(1))
    texts = [document(2, "a", f"n{index}") for index in range(3)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PUBLISHER, str(path), text, str(start)], stdout=subprocess.PIPE, text=True
        )
        for text in texts
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        start.touch()
        outcomes = [process.communicate(timeout=60)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    winners = [text for text, outcome in zip(texts, outcomes, strict=True) if outcome == "won\n"]
    assert winners == [path.read_text()], outcomes
    assert sum(outcome.startswith("lost:") for outcome in outcomes) == 2


@pytest.mark.parametrize("name", ["a%20b.yaml", "a b.yaml", "a#b?c.yaml", "ü:1.yaml"])
def test_nothing_is_escaped_in_the_uri_of_a_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(document(1))
    for uri in (f"file://{path}", f"file:{path}", f"file://localhost{path}"):
        store = open_store(uri)
        found = store.read()
        assert found is not None
        assert (found.text, store.key) == (document(1), str(path))


def test_file_keeps_mode_and_link_and_leaves_no_temporaries(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text(document(1))
    real.chmod(0o640)
    link.symlink_to(real)
    publish(open_store(f"file://{link}"), document(2))
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert real.read_text() == document(2)
    assert {path.name for path in tmp_path.iterdir()} == {"real.yaml", "link.yaml", ".real.yaml.lock"}


def test_file_that_is_being_written_is_read_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "topology.yaml"
    first, *rest = (document(2, "a", "b") + "      more: {partitions: 1}\n").splitlines(keepends=True)
    path.write_text(first)

    class Writing:
        """Time in which somebody else writes a line whenever the reader waits."""

        def time(self) -> float:
            return path.stat().st_mtime

        def sleep(self, _seconds: float) -> None:
            if rest:
                with path.open("a") as file:
                    file.write(rest.pop(0))

    monkeypatch.setattr("anabranch.topology.file_store.time", Writing())
    found = open_store(str(path)).read()
    assert found is not None
    assert found.text == document(2, "a", "b") + "      more: {partitions: 1}\n"


def test_a_document_without_a_name_is_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="no topology document is named"):
        open_store(" ")


def test_file_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="there is no topology document"):
        load_topology(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(UnavailableError, match="cannot be read"):
        load_topology(str(tmp_path))
    with pytest.raises(TopologyError, match="cannot be written"):
        publish(open_store(str(tmp_path / "no" / "folder.yaml")), document(1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TopologyError, match="not UTF-8"):
        load_topology(str(tmp_path / "binary"))
    with pytest.raises(ConfigurationError, match="cannot read a topology from 's3://bucket/x'"):
        open_store("s3://bucket/x?signature=hunter2")


def test_http_sends_conditions_and_takes_304(server: Server) -> None:
    store = open_store(server.url)
    publish(store, document(1))
    found = store.read()
    assert found is not None
    assert store.read(found) is found
    publish(store, document(2))
    assert server.requests == [
        ("GET", None),
        ("PUT", "*"),
        ("GET", None),
        ("GET", found.tag),
        ("GET", None),
        ("PUT", found.tag),
    ]


def test_http_without_strong_etags_is_read_but_not_written(server: Server) -> None:
    server.content = document(1).encode()
    server.etags = False
    store = open_store(server.url)
    found = store.read()
    assert store.read(found) is found
    with pytest.raises(TopologyError, match="no strong ETag"):
        publish(store, document(2))


def test_http_500_is_retryable_and_writes_nothing(server: Server) -> None:
    def fail(handler: http.server.BaseHTTPRequestHandler) -> bool:
        server.answer(handler, 500)
        return True

    server.content = document(1).encode()
    server.before_answer = fail
    with pytest.raises(UnavailableError, match="status 500"):
        load_topology(server.url)
    server.before_answer = lambda handler: handler.command == "PUT" and fail(handler)
    with pytest.raises(UnavailableError, match="answered 500") as caught:
        publish(open_store(server.url), document(2))
    assert caught.value.retryable
    assert server.content == document(1).encode()


@pytest.mark.parametrize("how", ["500", "cut"])
def test_http_write_whose_answer_is_lost_is_recognised(server: Server, how: str) -> None:
    def lose(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if how == "500":
            server.answer(handler, 500)
        else:
            handler.close_connection = True
        return True

    server.content = document(1).encode()
    server.after_write = lose
    assert publish(open_store(server.url), document(2)).changed
    assert server.content == document(2).encode()


def test_http_slow_answers_end_at_the_deadline(server: Server) -> None:
    release = threading.Event()

    def trickle(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not release.wait(0.02):
                handler.wfile.write(b"#")
                handler.wfile.flush()
        return True

    def hang(handler: http.server.BaseHTTPRequestHandler) -> bool:
        release.wait(60)
        return True

    store = HttpStore(server.url, timeout_s=0.3, deadline_s=0.6)
    server.before_answer = hang
    with pytest.raises(UnavailableError):
        store.read()
    server.before_answer = trickle
    with pytest.raises(UnavailableError, match=r"no whole answer within 0\.6 s"):
        store.read()
    release.set()


@pytest.mark.parametrize(
    "head",
    ["HTTP/1.1 2", "HTTP/1.1 200 OK\r\nX-Slow: ", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_http_heads_that_trickle_end_at_the_deadline(server: Server, head: str, method: str) -> None:
    hung_up = threading.Event()

    def trickle(handler: http.server.BaseHTTPRequestHandler) -> bool:
        try:
            handler.wfile.write(head.encode())
            for _ in range(500):
                handler.wfile.write(b"0")
                time.sleep(0.02)
        except OSError:
            hung_up.set()
        return True

    store = HttpStore(server.url, timeout_s=5, deadline_s=0.6)
    server.content = document(1).encode()
    known = HttpStore(server.url).read()
    server.before_answer = trickle
    started = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        store.read() if method == "GET" else store.replace(document(2), known)
    assert time.monotonic() - started < 8
    what = "no whole answer within 0.6 s" if method == "GET" else "did not answer in time"
    assert what in str(caught.value)
    assert hung_up.wait(5), "the connection is left open"


def test_http_cut_answer_is_not_taken_for_a_document(server: Server) -> None:
    whole = document(1, "a", "b").encode()

    def cut(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(whole) + 30))
        handler.end_headers()
        handler.wfile.write(whole)
        handler.close_connection = True
        return True

    server.before_answer = cut
    with pytest.raises(UnavailableError, match=f"ended after {len(whole)} of {len(whole) + 30} bytes"):
        load_topology(server.url)


def test_http_url_that_is_none_is_not_repeated() -> None:
    for url in ("http://h/a b?sig=hunter2", "http://.h/?sig=hunter2", "http://h:port/?sig=hunter2"):
        with pytest.raises(AnabranchError) as caught:
            load_topology(url)
        assert "hunter2" not in str(caught.value)


def test_http_nobody_listens(server: Server) -> None:
    with pytest.raises(UnavailableError, match="GET failed"):
        load_topology("http://127.0.0.1:1/topology.yaml")


def test_no_error_shows_user_info_or_signature(server: Server) -> None:
    signed = server.url.replace("http://", "http://user:hunter2@") + "?signature=hunter3"
    with pytest.raises(TopologyError) as caught:
        load_topology(signed)
    assert "hunter" not in str(caught.value)
    assert server.authorizations == ["Basic " + base64.b64encode(b"user:hunter2").decode()]
    server.content = b"generation: 0"
    with pytest.raises(TopologyError) as caught:
        load_topology(signed)
    assert "hunter" not in str(caught.value)
    assert f"{server.url}:1" in str(caught.value)


def test_documents_of_these_tests_are_valid() -> None:
    assert parse_topology(document(1, "a", "b")).generation == 1
