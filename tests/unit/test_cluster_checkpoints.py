"""Where checkpoints of a run on a session cluster go when nobody says: not to a disk of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from anabranch.pipelines import Job
from anabranch.pipelines.context import RunContext
from anabranch.pipelines.settings import Settings
from tests.unit.serving import serving

KEY = "execution.checkpointing.dir"
BLOB = "abfss://state@account.dfs.core.windows.net/checkpoints"


class _Flink(BaseHTTPRequestHandler):
    options: dict[str, str]

    def do_GET(self) -> None:
        found = [{"key": key, "value": value} for key, value in self.options.items()]
        known = self.path == "/jobmanager/config"
        body = json.dumps(found if known else {"errors": ["not found"]}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def flink() -> Iterator[tuple[str, dict[str, str]]]:
    """``host:port`` of a JobManager, and its options."""
    options: dict[str, str] = {}
    with serving(type("Flink", (_Flink,), {"options": options})) as address:
        yield address, options


def place(folder: Path, **settings: Any) -> str:
    context = RunContext(Settings(**settings), folder=folder)
    return context.checkpoints(Job("watch"))


def test_shared_store_of_the_cluster_is_taken(flink: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    address, options = flink
    options[KEY] = BLOB
    assert place(tmp_path, cluster=address) == BLOB
    assert place(tmp_path) == f"file://{tmp_path}/checkpoints", "Flink runs here"
    assert place(tmp_path, cluster=address, checkpoints={"dir": "s3://b/c"}) == "s3://b/c"
    assert place(tmp_path, cluster=address, flink={KEY: "s3://b/d"}) == "s3://b/d"


@pytest.mark.parametrize("own", ["file:///flink/checkpoints", "/flink/checkpoints", None])
def test_folder_of_this_user_where_the_cluster_has_none(
    flink: tuple[str, dict[str, str]], tmp_path: Path, own: str | None
) -> None:
    address, options = flink
    if own is not None:
        options[KEY] = own
    assert place(tmp_path, cluster=address) == f"file://{tmp_path}/checkpoints"


def test_silent_cluster_is_told_of_elsewhere(tmp_path: Path) -> None:
    assert place(tmp_path, cluster="127.0.0.1:1") == f"file://{tmp_path}/checkpoints"
