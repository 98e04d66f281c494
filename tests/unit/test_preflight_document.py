"""By which document a job is checked before it starts: a restore never needs the publisher."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anabranch.errors import ConfigurationError, TopologyError, UnavailableError
from anabranch.pipelines import Job, preflight
from anabranch.pipelines.bindings import StreamBinding
from anabranch.pipelines.context import RunContext, running_in
from anabranch.pipelines.settings import Settings
from anabranch.pipelines.table import Write
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


def check(stream: str, topology: str, **settings: Any) -> list[str]:
    given = Settings(topology=topology, **{"dead_letters": None, **settings})
    with running_in(RunContext(given)):
        made = Job("j")
        made.read(stream, Log)
    return preflight.check_streams(StreamBinding("j", given).uses(made.reads, made.writes))


def cache(location: str) -> None:
    TopologyCache(location, default_cache_dir()).keep(DOCUMENT)


def test_publisher_that_is_down(url: str) -> None:
    cache(url)
    (note,) = check("logs", url)
    assert note.startswith("checked against generation 7 of the topology, from the cache: ")
    assert url in note
    with pytest.raises(ConfigurationError, match="no stream 'lags'"):
        check("lags", url)


def test_neither_publisher_nor_cache(url: str) -> None:
    with pytest.raises(UnavailableError, match="no copy of it is cached") as caught:
        check("lags", url)
    assert caught.value.where == url
    assert "--no-check" in str(caught.value.hint)


def test_place_that_only_flink_reads(url: str) -> None:
    place = "s3://bucket/t.yaml"
    (note,) = check("lags", place)
    assert f"only Flink reads {place}" in note
    cache(place)
    with pytest.raises(ConfigurationError, match="no stream 'lags'"):
        check("lags", place)


@pytest.mark.usefixtures("url")
def test_wrong_path_or_document_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    with pytest.raises(TopologyError, match="no topology"):
        check("logs", str(path))
    path.write_text("generation: none\n")
    with pytest.raises(TopologyError):
        check("logs", str(path))


@pytest.mark.usefixtures("url")
def test_each_stream_is_looked_for_in_its_own_document(tmp_path: Path) -> None:
    here, there = tmp_path / "here.yaml", tmp_path / "there.yaml"
    here.write_text(DOCUMENT.replace("logs:", "others:"))
    there.write_text(DOCUMENT)
    with pytest.raises(ConfigurationError, match="no stream 'logs'") as caught:
        check("logs", str(here))
    assert str(here) in str(caught.value.hint)
    assert check("logs", str(here), inputs={"topology": str(there)}) == []
    with running_in(RunContext(Settings(topology=str(here)))):
        made = Job("j")
        made.read("logs", Log, options={"topology": str(there)})
    # The bad records of an input are written where it is.
    uses = StreamBinding("j", Settings(topology=str(here))).uses(made.reads, made.writes)
    assert [(use.topology, use.stream, use.where) for use in uses] == [
        (str(there), "logs", made.reads[0].where),
        (str(there), "dead-letters", "dead_letters"),
    ]
    with pytest.raises(ConfigurationError, match="no stream 'dead-letters'") as caught:
        preflight.check_streams(uses)
    assert caught.value.where == "dead_letters"
    assert "--dead-letters ''" in str(caught.value.hint)
    written = Write("v", "out", None, (), None, "json", "job.py:9")
    given = Settings(topology=str(there), inputs={"dead-letters": "of-inputs"})
    asides = {use.stream: use.where for use in StreamBinding("j", given).uses(made.reads, [written])}
    assert asides["of-inputs"] == "inputs.dead-letters"
    assert asides["dead-letters"] == "dead_letters", "inputs: is not for outputs"
