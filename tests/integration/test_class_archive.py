"""The first broker of a cache writes the archive of its classes; the JVM accepts it and nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from anabranch.devkit.class_archive import ClassArchive
from anabranch.devkit.jars import kafka_jars
from anabranch.devkit.java import java
from anabranch.devkit.loop import Loop, LoopSpec

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300)]


@pytest.fixture
def empty_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds nothing but Kafka."""
    jars = kafka_jars()
    cache = home / "cache"
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


def test_damaged_archive_stops_nobody(empty_cache: Path) -> None:
    archive = of_kafka(kafka_jars())
    archive.path.parent.mkdir()
    archive.path.write_bytes(b"no archive")
    assert not starts_with(archive.path, kafka_jars())
    with Loop.up(LoopSpec(name="damaged", primaries=1, streams={"there": 1})) as loop:
        assert loop.broker("a").death is None


def test_other_jars_have_an_archive_of_their_own(home: Path) -> None:
    first, second = home / "first.jar", home / "second.jar"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    paths = {ClassArchive("x", java(), jars).path for jars in ([first], [second], [first, second])}
    first.write_bytes(b"11")
    paths.add(ClassArchive("x", java(), [first]).path)
    assert len(paths) == 4
