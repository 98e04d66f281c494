"""The watcher: tells each newer valid generation once, and nothing bad ever replaces what is good."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from anabranch.connectors.guide import Guide
from anabranch.errors import AnabranchError
from anabranch.topology import Topology, TopologyWatcher
from anabranch.topology.cache import TopologyCache, default_cache_dir
from anabranch.topology.file_store import write_atomically

INTERVAL_S = 0.02


def document(generation: int, *primaries: str) -> str:
    lines = [f"generation: {generation}", "groups:", "  g:", "    primaries:"]
    lines += [f'      {name}: {{bootstrap: ["{name}:9092"]}}' for name in primaries or ("a",)]
    return "\n".join([*lines, "    streams:", "      logs: {partitions: 2}", ""])


class Place:
    """A document's path with a cache beside it, and who listens."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "topology.yaml"
        self.cache = folder / "cache"
        self.told: list[int] = []

    def write(self, text: str) -> None:
        write_atomically(self.path, text)
        # Old enough to count as settled: the tests need not wait for that.
        os.utime(self.path, (time.time() - 60, time.time() - 60))

    def listen(self, topology: Topology) -> None:
        self.told.append(topology.generation)

    def open(self, on_change: Callable[[Topology], None] | None = None) -> TopologyWatcher:
        return TopologyWatcher(
            str(self.path), interval_s=INTERVAL_S, on_change=on_change or self.listen, cache_dir=self.cache
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def until(condition: Callable[[], object], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true"
        time.sleep(0.005)


def polled(watcher: TopologyWatcher) -> None:
    """Waits until a poll that began after now has confirmed the document."""
    before = time.time()
    until(lambda: (watcher.last_fetched_s or 0) > before)


def test_tells_each_newer_generation_once(place: Place) -> None:
    place.write(document(3))
    with place.open() as watcher:
        until(lambda: place.told == [3])
        place.write(document(4, "a", "b"))
        until(lambda: place.told == [3, 4])
        place.write("# the same\n" + document(4, "a", "b"))
        polled(watcher)
        place.write(document(9, "a", "b"))
        until(lambda: place.told == [3, 4, 9])
        polled(watcher)
    assert place.told == [3, 4, 9]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("generation: 4\ngroups: {g: {prim", "not YAML"),
        ("", "the document is empty"),
        (document(4, "a"), "primary 'b' of group 'g' is absent"),
        (document(2, "a", "b"), "generation 2 is not newer than the known 3"),
        (document(3, "a", "b", "c"), "its content is another"),
        (document(4, "a", "b").replace("partitions: 2", "partitions: 0"), "greater than or equal to 1"),
        (None, "there is no topology document"),
    ],
)
def test_stays_on_the_last_good_document(
    place: Place, bad: str | None, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    place.write(document(3, "a", "b"))
    with caplog.at_level(logging.WARNING), place.open() as watcher:
        polled(watcher)
        if bad is None:
            place.path.unlink()
        else:
            place.write(bad)
        until(lambda: watcher.last_error)
        confirmed = watcher.last_fetched_s
        time.sleep(10 * INTERVAL_S)
        assert watcher.last_fetched_s == confirmed, "what was refused confirms nothing"
        assert watcher.current is not None
        assert watcher.current.generation == 3
        assert words in str(watcher.last_error)
        assert caplog.text.count(words) == 1, "told once, not with every poll"
        place.write(document(5, "a", "b"))
        until(lambda: place.told == [3, 5])
        assert watcher.last_error is None


def test_restart_needs_no_publisher(place: Place) -> None:
    place.write(document(3))
    with place.open() as watcher:
        confirmed = watcher.last_fetched_s
    place.path.unlink()
    place.told.clear()
    with place.open() as watcher:
        until(lambda: place.told == [3])
        assert watcher.last_fetched_s == pytest.approx(confirmed, abs=1)
        assert "there is no topology document" in str(watcher.last_error)


def test_bad_documents_do_not_get_into_the_cache(place: Place) -> None:
    place.write(document(3, "a", "b"))
    with place.open() as watcher:
        place.write(document(4, "a"))
        until(lambda: watcher.last_error)
    with place.open() as watcher:
        # A new process takes what is there now, if it is valid by itself.
        until(lambda: place.told[-1] == 4)
    place.write("broken: [")
    with place.open() as watcher:
        assert watcher.current is not None
        assert watcher.current.generation == 4


def test_without_any_document_it_waits_for_one(place: Place) -> None:
    with place.open() as watcher:
        assert watcher.current is None
        assert watcher.last_fetched_s is None
        place.write(document(1))
        until(lambda: place.told == [1])


def test_broken_cache_is_no_cache(place: Place) -> None:
    cache = TopologyCache(str(place.path), place.cache)
    place.cache.mkdir()
    for content in (b"generation: [", b"\xff\xfe", b""):
        cache.path.write_bytes(content)
        with place.open() as watcher:
            assert watcher.current is None


def test_cache_that_cannot_be_written_stops_nothing(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.cache.write_text("a file where the folder should be")
    place.write(document(1))
    with caplog.at_level(logging.WARNING), place.open() as watcher:
        place.write(document(2))
        until(lambda: place.told == [1, 2] or place.told == [2])
        polled(watcher)
    assert caplog.text.count("cannot be cached") == 1


def test_listener_that_fails_is_logged_and_called_again(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(topology: Topology) -> None:
        place.listen(topology)
        raise RuntimeError("the listener's own fault")

    place.write(document(1))
    with place.open(fail):
        until(lambda: place.told == [1])
        place.write(document(2))
        until(lambda: place.told == [1, 2])
    assert "the listener's own fault" in caplog.text


def test_listener_may_close_and_nothing_is_called_after(place: Place) -> None:
    closed = threading.Event()

    def close(topology: Topology) -> None:
        place.listen(topology)
        watchers[0].close()
        closed.set()

    watchers: list[TopologyWatcher] = []
    watchers.append(place.open(close))
    place.write(document(1))
    assert closed.wait(30)
    place.write(document(2))
    time.sleep(5 * INTERVAL_S)
    assert place.told == [1]


def test_cache_is_named_by_the_location_as_the_jvm_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "bb59bb99914bef4931483ef6e9ff7566"
    assert TopologyCache("/etc/topology.yaml", tmp_path).path == tmp_path / f"{name}.yaml"
    monkeypatch.setenv("ANABRANCH_TOPOLOGY_CACHE", "/own")
    assert default_cache_dir() == Path("/own")
    monkeypatch.delenv("ANABRANCH_TOPOLOGY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert default_cache_dir() == Path("/xdg/anabranch/topology")


def test_old_cache_file_is_confirmed_again(tmp_path: Path) -> None:
    cache = TopologyCache("x", tmp_path)
    cache.keep(document(1))
    os.utime(cache.path, (1000, 1000))
    assert cache.keep(document(1)) is None
    cached = cache.load()
    assert cached is not None
    assert cached.confirmed_s > 1_000_000


def test_errors_are_of_the_tree(place: Place) -> None:
    with place.open() as watcher:
        until(lambda: watcher.last_error)
        assert isinstance(watcher.last_error, AnabranchError)


def test_a_first_document_that_is_bad_is_left_to_the_owner_to_tell(
    place: Place, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(place.cache))
    place.write(document(1, "a", "b").replace("partitions: 2", "partitions: 0"))
    with caplog.at_level(logging.WARNING), pytest.raises(AnabranchError, match="partitions"):
        Guide(str(place.path), interval_s=10, max_stale_s=None)
    assert "partitions" not in caplog.text
    with caplog.at_level(logging.WARNING), place.open():
        # Who goes on without one is told.
        until(lambda: "partitions" in caplog.text)
