"""The first process of a cache writes the archive of its classes; the JVM accepts it and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
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


class Sleeper:
    """A program that says that it is ready and then sleeps: a JVM that starts more quickly than a broker."""

    def __init__(self, jar: Path) -> None:
        self._jar = jar

    def archive(self) -> ClassArchive:
        """For one start of it."""
        return ClassArchive("sleeper", java(), [self._jar])

    def must_take(self, archive: Path) -> bool:
        """Whether a JVM that must use that archive can start."""
        return starts_with(archive, self._jar, "Sleeper", "0")

    @contextmanager
    def ready(self) -> Iterator[bool]:
        """Starts it, has the archive kept, says whether it lives still, and ends it."""
        archive, log = self.archive(), self._jar.with_suffix(".log")
        argv: list[str | Path] = [java(), *archive.flags(), "-cp", self._jar, "Sleeper", "60000"]
        ref = process.start(argv, log=log, cwd=log.parent)
        try:
            process.await_condition(lambda: "ready" in log.read_text(), 60, "the program")
            archive.keep(ref)
            yield process.alive(ref)
        finally:
            process.kill(ref)
            log.unlink()


@pytest.fixture(scope="module")
def sleeper_jar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program."""
    folder = tmp_path_factory.mktemp("sleeper")
    (folder / "Sleeper.java").write_text(
        """
        class Sleeper {
          public static void main(String[] millis) throws InterruptedException {
            System.out.println("ready");
            Thread.sleep(Long.parseLong(millis[0]));
          }
        }
        """
    )
    subprocess.run([java().with_name("javac"), "-d", folder, folder / "Sleeper.java"], check=True)
    jar = folder / "sleeper.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.write(folder / "Sleeper.class", "Sleeper.class")
    return jar


@pytest.fixture
def sleeper(sleeper_jar: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Sleeper:
    """The program, and a cache that holds nothing."""
    cache = home / "a cache"
    (cache / "anabranch").mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return Sleeper(sleeper_jar)


def of_kafka(folder: Path) -> ClassArchive:
    return ClassArchive("kafka", java(), sorted(folder.glob("*.jar")))


def starts_with(archive: Path, class_path: Path, *command: str) -> bool:
    """Whether a JVM that must use that archive can start."""
    flags = ["-Xshare:on", f"-XX:SharedArchiveFile={archive}", "-cp", str(class_path)]
    argv = [str(java()), *flags, *command]
    return subprocess.run(argv, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.long
def test_the_first_start_writes_what_the_next_one_takes(empty_cache: Path) -> None:
    jars = kafka_jars()
    assert "-XX:+RecordDynamicDumpInfo" in of_kafka(jars).flags()
    with Loop.up(LoopSpec(name="first", primaries=1, streams={})) as loop:
        archive = of_kafka(jars)
        assert archive.path.is_file()
        assert f"-XX:SharedArchiveFile={archive.path}" in archive.flags()
        assert starts_with(archive.path, jars / "*", "kafka.tools.StorageTool", "random-uuid")
        loop.broker("a").restart()
        maps = Path(f"/proc/{loop.broker('a').ref.pid}/maps").read_text()  # type: ignore[union-attr]
        assert str(archive.path) in maps
    assert [path.name for path in (empty_cache / "classes").iterdir()] == [archive.path.name]


def test_damaged_archive_stops_nobody_and_is_replaced(sleeper: Sleeper) -> None:
    archive = sleeper.archive()
    archive.path.parent.mkdir()
    archive.path.write_bytes(b"no archive")
    assert not sleeper.must_take(archive.path)
    with sleeper.ready() as survives:
        assert survives
    assert not archive.path.exists()
    with sleeper.ready():
        pass
    assert sleeper.must_take(archive.path)


def test_full_disk_only_leaves_the_archive_out(sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    # The JVM would end itself at a write that fails.
    folder = sleeper.archive().path.parent
    room = shutil.disk_usage(folder.parent)
    monkeypatch.setattr("shutil.disk_usage", lambda path: room._replace(free=2**20))
    with sleeper.ready() as survives:
        assert survives
    assert not list(folder.glob("*.jsa"))


def test_an_agent_in_the_jvm_leaves_the_archive_out(
    sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A JVM that has one ends at once if it is told to write an archive, and takes none that is there.
    debugger = "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0"
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", debugger)
    with sleeper.ready() as survives:
        assert survives
    assert not sleeper.archive().path.parent.exists()


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


def test_leftovers_of_the_killed_are_removed(sleeper: Sleeper) -> None:
    archive = sleeper.archive()
    folder = archive.path.parent
    folder.mkdir()
    (folder / ".sleeper-0123.jsa.77.temp").write_bytes(b"half")
    os.utime(folder / ".sleeper-0123.jsa.77.temp", (0, 0))
    (folder / ".sleeper-0123.jsa.78.temp").write_bytes(b"being written")
    with sleeper.ready():
        found = {path.name for path in folder.iterdir() if path.suffix != ".lock"}
    assert found == {".sleeper-0123.jsa.78.temp", archive.path.name}


def test_other_jars_have_an_archive_of_their_own(home: Path) -> None:
    first, second = home / "first.jar", home / "second.jar"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    paths = {ClassArchive("x", java(), jars).path for jars in ([first], [second], [first, second])}
    first.write_bytes(b"11")
    paths.add(ClassArchive("x", java(), [first]).path)
    assert len(paths) == 4
