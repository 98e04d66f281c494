"""A topology's URL may hold secrets, in its user info and its query: nothing that people read has them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from anabranch.cli.go_on import Remembering, telling_how_to_go_on
from anabranch.connectors import guide as guide_module
from anabranch.connectors.guide import Guide
from anabranch.errors import AnabranchError, ConfigurationError
from anabranch.pipelines import preflight
from anabranch.pipelines.bindings import Use
from anabranch.pipelines.events import Stopped
from anabranch.pipelines.failures import job_error
from anabranch.pipelines.layers import Layer, resolve
from anabranch.topology import Topology, open_store, parse_topology
from anabranch.topology.load import Loaded
from anabranch.topology.store import public_uri

URL = "http://me:HUNTER2@host.invalid/t.yaml?sig=HUNTER3"
SHOWN = "http://host.invalid/t.yaml"
DOCUMENT = """generation: 1
groups: {g: {primaries: {a: {bootstrap: ["127.0.0.1:1"]}}, streams: {logs: {partitions: 1}}}}
"""


@dataclass(frozen=True)
class Log:
    """What the job reads."""

    run: str


class _Silent:
    """A watcher of a location that never answered, with or without a document from the cache."""

    last_error = None
    last_fetched_s = None
    current: Topology | None = None

    def __init__(self, uri: str, *, interval_s: float) -> None:
        pass

    def close(self) -> None:
        pass


def _of_the_guide(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(guide_module, "TopologyWatcher", _Silent)
    with pytest.raises(AnabranchError) as caught:
        Guide(URL, interval_s=1, max_stale_s=1)
    monkeypatch.setattr(_Silent, "current", parse_topology(DOCUMENT))
    return [str(caught.value), str(Guide(URL, interval_s=1, max_stale_s=1).staleness())]


def _of_the_preflight(answer: preflight._Answer, stream: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(preflight, "load_last_good", lambda uri: Loaded(parse_topology(DOCUMENT), None))
    monkeypatch.setattr(preflight, "_ask", lambda name, primary: answer)
    with pytest.raises(AnabranchError) as caught:
        preflight.check_streams([Use(URL, stream, "job.py:1")])
    return str(caught.value)


def _of_the_way_on() -> str:
    @click.command("run", cls=Remembering, context_settings={"ignore_unknown_options": True})
    @click.argument("rest", nargs=-1)
    def run(rest: tuple[str, ...]) -> None:
        telling_how_to_go_on(lambda event: click.echo(str(event)))(Stopped("j", "FAILED", "file:/c"))

    words = ["--topology", URL, f"--topology={URL}", "--input", f"topology={URL}"]
    return CliRunner().invoke(run, ["job", *words], catch_exceptions=False).output


def test_the_container_of_a_path_in_blob_storage_is_no_secret() -> None:
    path = "abfss://state@us.dfs.core.windows.net/checkpoints/ab/chk-7"
    assert public_uri(path) == path


def test_no_text_for_people_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Layer({("topology",): URL, ("inputs", "topology"): URL}, {})
    trace = f"x.ValidationException: cannot create 'logs': 'topology'='{URL}'\n\tat x.y(z.java:1)"
    failed = job_error(trace, tmp_path)
    (saved,) = tmp_path.iterdir()
    texts = [
        *_of_the_guide(monkeypatch),
        _of_the_preflight(preflight._Answer("a"), "lags", monkeypatch),
        _of_the_preflight(preflight._Answer("a", silence="down"), "logs", monkeypatch),
        _of_the_preflight(preflight._Answer("a", silence="no", refused=True), "logs", monkeypatch),
        _of_the_way_on(),
        json.dumps(resolve([layer]).rows()),
        str(failed),
        saved.read_text(),
    ]
    for text in texts:
        assert "HUNTER" not in text
        assert SHOWN in text


@pytest.mark.parametrize(
    "uri",
    [URL.replace("host", "[host"), URL.replace("http", "file"), URL.replace("http", "s3")],
)
def test_an_address_that_is_refused_is_not_shown_whole(uri: str) -> None:
    assert "HUNTER" not in public_uri(uri)
    with pytest.raises(ConfigurationError) as caught:
        open_store(uri)
    assert "HUNTER" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [("abfss://state@account.example/a?sig=HUNTER", "abfss://state@account.example/a"),
     ("abfss://state@account.dfs.core.windows.net", "abfss://state@account.dfs.core.windows.net"),
     ("abfss://state:HUNTER@account.dfs.core.windows.net/a", "abfss://account.dfs.core.windows.net/a"),
     ("abfss://HUNTER2@account.dfs.core.windows.net/a", "abfss://account.dfs.core.windows.net/a"),
     ("abfss://x@HUNTER@account.dfs.core.windows.net/a", "abfss://account.dfs.core.windows.net/a"),
     ("https://state@account.example/a", "https://account.example/a")],
)  # fmt: skip
def test_a_container_is_no_secret(uri: str, shown: str) -> None:
    assert public_uri(uri) == shown
