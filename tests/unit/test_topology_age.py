"""A run says that its topology cannot be read, and that writers stop for it."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from anabranch.errors import UnavailableError
from anabranch.pipelines.topology_age import TopologyAge, max_stale_s, watched_topology
from anabranch.topology import TopologyWatcher
from anabranch.topology.cache import TopologyCache
from anabranch.topology.store import open_store

DOCUMENT = """generation: 1
groups:
  g:
    primaries:
      a: {bootstrap: ["a:9092"]}
    streams:
      s: {partitions: 1}
"""


def test_it_is_told_when_it_cannot_be_read_when_writers_stop_and_when_it_can_again() -> None:
    watcher = SimpleNamespace(last_error=None, last_fetched_s=time.time())
    age = TopologyAge(cast("TopologyWatcher", watcher), "http://u:p@t/x", 24 * 3600)
    assert age.look() is None
    watcher.last_error = UnavailableError("connection refused", hint="h")
    assert age.look() is None, "a moment is no trouble"
    watcher.last_fetched_s = time.time() - 70
    assert age.look() == (
        "warning: the topology was last confirmed 70 s ago (connection refused); "
        "the job goes on by what it knows, and stops writing at 24 h"
    )
    assert age.look() is None
    watcher.last_fetched_s = time.time() - 25 * 3600
    assert age.look() == (
        "warning: the topology was last confirmed 25 h ago (connection refused); "
        "nothing is written until it can be read: max-stale is 24 h"
    )
    assert age.look() is None
    watcher.last_error = None
    assert age.look() == "the topology http://t/x can be read again"
    assert age.look() is None


def test_one_that_is_stale_from_the_start_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ANABRANCH_TOPOLOGY_CACHE", str(tmp_path / "cache"))
    path = str(tmp_path / "topology.yaml")
    cache = TopologyCache(open_store(path).key, tmp_path / "cache")
    cache.keep(DOCUMENT)
    long_ago = time.time() - 3600
    os.utime(cache.path, (long_ago, long_ago))
    with watched_topology(path, [{"max-stale": "10 min"}]) as age:
        assert age is not None
        told = age.look()
    assert told is not None
    assert told.endswith(
        "there is no topology document); nothing is written until it can be read: max-stale is 10 min"
    )
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING], "it is told once"


@pytest.mark.parametrize("uri", [None, "s3://bucket/topology.yaml"])
def test_one_that_cannot_be_read_here_is_not_watched(uri: str | None) -> None:
    with watched_topology(uri, []) as age:
        assert age is None


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ([], 86400),
        ([{}], 86400),
        ([{"max-stale": "2 h"}, {"max-stale": "90 s"}, {}], 90),
        ([{"max-stale": "1d"}, {"max-stale": "a while"}], 86400),
        ([{"max-stale": "500 ms"}], 0.5),
    ],
)
def test_the_shortest_of_all_writers_counts(options: list[dict[str, str]], seconds: float) -> None:
    assert max_stale_s(options) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2 hours", 7200),
        ("1 hour", 3600),
        ("30 minutes", 1800),
        ("90 sec", 90),
        ("60 seconds", 60),
        ("10 MIN", 600),
        ("5000", 5),
        (" 2days ", 172800),
        ("3 Milliseconds", 0.003),
        ("7 µs", 7e-6),
        ("7 nanos", 7e-9),
        ("PT5M", 300),
        ("P1DT2H0.5S", 93600.5),
        ("PT", 86400),
        ("5 mins", 86400),
        ("5 fortnights", 86400),
        ("-5 s", 86400),
        (f"{'9' * 400} s", 86400),
    ],
)
def test_times_are_read_as_flink_reads_them_and_what_it_refuses_is_left_to_it(
    text: str, seconds: float
) -> None:
    assert max_stale_s([{"max-stale": text}]) == pytest.approx(seconds)
