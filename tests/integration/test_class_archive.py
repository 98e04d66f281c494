"""The first broker of a cache writes the archive of its classes; the JVM accepts it and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from anabranch.devkit import process
from anabranch.devkit.class_archive import ClassArchive
from anabranch.devkit.jars import kafka_jars
from anabranch.devkit.java import java
from anabranch.devkit.loop import Loop, LoopSpec

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300)]


@pytest.fixture
def empty_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds nothing but Kafka."""
    jars = kafka_jars()
    cache = home / "a cache"  # jcmd would take the path for two words
    (cache / "anabranch").mkdir(parents=True)
    (cache / "anabranch" / jars.name).symlink_to(jars)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return cache / "anabranch"


def of_kafka(folder: Path) -> ClassArchive:
    return ClassArchive("kafka", java(), sorted(folder.glob("*.jar")))


def starts_with(archive: Path, jars: Path) -> bool:
    """Whether a JVM that must use that archive can start."""
    flags = ["-Xshare:on", f"-XX:SharedArchiveFile={archive}", "-cp", f"{jars}/*"]
    argv = [str(java()), *flags, "kafka.tools.StorageTool", "random-uuid"]
    return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode == 0


def test_the_first_start_writes_what_the_next_one_takes(empty_cache: Path) -> None:
    jars = kafka_jars()
    assert "-XX:+RecordDynamicDumpInfo" in of_kafka(jars).flags()
    with Loop.up(LoopSpec(name="first", primaries=1, streams={})) as loop:
        archive = of_kafka(jars)
        assert archive.path.is_file()
        assert f"-XX:SharedArchiveFile={archive.path}" in archive.flags()
        assert starts_with(archive.path, jars)
        loop.broker("a").restart()
        maps = Path(f"/proc/{loop.broker('a').ref.pid}/maps").read_text()  # type: ignore[union-attr]
        assert str(archive.path) in maps
    assert [path.name for path in (empty_cache / "classes").iterdir()] == [archive.path.name]


def test_damaged_archive_stops_nobody_and_is_replaced(empty_cache: Path) -> None:
    archive = of_kafka(kafka_jars())
    archive.path.parent.mkdir()
    archive.path.write_bytes(b"no archive")
    assert not starts_with(archive.path, kafka_jars())
    with Loop.up(LoopSpec(name="damaged", primaries=1, streams={"there": 1})) as loop:
        assert loop.broker("a").death is None
        assert not archive.path.exists()
        loop.broker("a").restart()
        assert starts_with(archive.path, kafka_jars())


def test_full_disk_only_leaves_the_archive_out(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The JVM would end itself at a write that fails.
    room = shutil.disk_usage(empty_cache)
    monkeypatch.setattr("shutil.disk_usage", lambda path: room._replace(free=2**20))
    with Loop.up(LoopSpec(name="full", primaries=1, streams={"there": 1})) as loop:
        assert loop.broker("a").death is None
    assert not list((empty_cache / "classes").iterdir())


def test_an_agent_in_the_jvm_leaves_the_archive_out(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A JVM that has one ends at once if it is told to write an archive, and takes none that is there.
    debugger = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0"
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", debugger)
    with Loop.up(LoopSpec(name="agent", primaries=1, streams={"there": 1})) as loop:
        assert loop.broker("a").death is None
    assert not (empty_cache / "classes").exists()


@pytest.mark.parametrize("left", ["", "100 bytes"])
def test_failing_write_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch, left: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    jar = home / "a.jar"
    jar.write_bytes(b"1")
    archive = ClassArchive("x", java(), [jar])

    def fail(argv: list[str], *, timeout_s: float) -> process.Completed:
        if left:
            Path(argv[-1].strip('"')).write_text(left)
        return process.Completed(1, "no room")

    monkeypatch.setattr(process, "run", fail)
    archive.keep(process.self_ref())
    assert not list((home / "anabranch" / "classes").iterdir())


def test_leftovers_of_the_killed_are_removed(empty_cache: Path) -> None:
    folder = empty_cache / "classes"
    folder.mkdir()
    (folder / ".kafka-0123.jsa.77.temp").write_bytes(b"half")
    os.utime(folder / ".kafka-0123.jsa.77.temp", (0, 0))
    (folder / ".kafka-0123.jsa.78.temp").write_bytes(b"being written")
    with Loop.up(LoopSpec(name="after", primaries=1, streams={"there": 1})):
        found = {path.name for path in folder.iterdir()}
    assert found == {".kafka-0123.jsa.78.temp", of_kafka(kafka_jars()).path.name}


def test_other_jars_have_an_archive_of_their_own(home: Path) -> None:
    first, second = home / "first.jar", home / "second.jar"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    paths = {ClassArchive("x", java(), jars).path for jars in ([first], [second], [first, second])}
    first.write_bytes(b"11")
    paths.add(ClassArchive("x", java(), [first]).path)
    assert len(paths) == 4
