"""By which document a job is checked before it starts: a restore never needs the publisher."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from anabranch.errors import ConfigurationError, TopologyError, UnavailableError
from anabranch.pipelines import Job, preflight
from anabranch.pipelines.context import RunContext, running_in
from anabranch.pipelines.settings import Settings
from anabranch.topology.cache import TopologyCache, default_cache_dir

DOCUMENT = """generation: 7
groups: {g: {primaries: {a: {bootstrap: ["127.0.0.1:1"]}}, streams: {logs: {partitions: 1}}}}
"""


@dataclass(frozen=True)
class Log:
    """What the job reads."""

    run: str


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A location at which nobody listens; brokers are there and have the topic."""
    monkeypatch.setenv("ANABRANCH_TOPOLOGY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(preflight, "_ask", lambda name, primary: preflight._Answer(name, frozenset({"logs"})))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/t.yaml"


def job(stream: str) -> Job:
    with running_in(RunContext(Settings())):
        made = Job("j")
        made.read(stream, Log)
    return made


def cache(location: str) -> None:
    TopologyCache(location, default_cache_dir()).keep(DOCUMENT)


def test_publisher_that_is_down(url: str) -> None:
    cache(url)
    (note,) = preflight.check_streams(job("logs"), url, None)
    assert note.startswith("checked against generation 7 of the topology, from the cache: ")
    assert url in note
    with pytest.raises(ConfigurationError, match="no stream 'lags'"):
        preflight.check_streams(job("lags"), url, None)


def test_neither_publisher_nor_cache(url: str) -> None:
    with pytest.raises(UnavailableError, match="no copy of it is cached") as caught:
        preflight.check_streams(job("lags"), url, None)
    assert caught.value.where == url
    assert "--no-check" in str(caught.value.hint)


def test_place_that_only_flink_reads(url: str) -> None:
    place = "s3://bucket/t.yaml"
    (note,) = preflight.check_streams(job("lags"), place, None)
    assert f"only Flink reads {place}" in note
    cache(place)
    with pytest.raises(ConfigurationError, match="no stream 'lags'"):
        preflight.check_streams(job("lags"), place, None)


@pytest.mark.usefixtures("url")
def test_wrong_path_or_document_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    with pytest.raises(TopologyError, match="no topology"):
        preflight.check_streams(job("logs"), str(path), None)
    path.write_text("generation: none\n")
    with pytest.raises(TopologyError):
        preflight.check_streams(job("logs"), str(path), None)
