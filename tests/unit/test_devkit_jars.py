"""The broker's jars: fetched once, held against committed checksums, clear errors."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from anabranch.devkit import jars, java, process
from anabranch.devkit.process import Completed
from anabranch.errors import EnvironmentMissingError

JARS = {"one.jar": b"first", "two.jar": b"second"}


class FakeMaven:
    """Stands in for Maven: writes what it is told to."""

    def __init__(self, contents: dict[str, bytes], code: int = 0, output: str = "") -> None:
        self.contents, self.code, self.output, self.runs = contents, code, output, 0

    def run(
        self, argv: Sequence[str | Path], *, timeout_s: float, on_line: Callable[[str], None]
    ) -> Completed:
        self.runs += 1
        for line in self.output.splitlines():
            on_line(line)
        (target,) = [
            str(part).split("=", 1)[1] for part in argv if str(part).startswith("-DoutputDirectory=")
        ]
        for name, data in self.contents.items() if self.code == 0 else ():
            Path(target).mkdir(exist_ok=True)
            Path(target, name).write_bytes(data)
        return Completed(self.code, self.output)


Installer = Callable[[FakeMaven], FakeMaven]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """Puts a fake Maven in place of the real one, and checksums of its jars in place of Kafka's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in JARS.items()}
    monkeypatch.setattr(jars, "committed_checksums", lambda: sums)
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"/usr/bin/{name}")

    def put(maven: FakeMaven) -> FakeMaven:
        monkeypatch.setattr(process, "run_aloud", maven.run)
        return maven

    return put


def test_fetched_once_even_by_two_at_once(install: Installer) -> None:
    maven = install(FakeMaven(JARS))
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: jars.kafka_jars(), range(4)))
    (folder,) = folders
    assert maven.runs == 1
    assert {jar.name for jar in folder.glob("*.jar")} == set(JARS)
    assert [entry.name for entry in folder.parent.iterdir() if entry.name.startswith(".kafka-4.4.0")] == [
        ".kafka-4.4.0.lock"
    ]


def test_a_download_says_how_far_it_is(install: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "_TELL_EVERY_S", 0.0)
    central = "https://repo.maven.apache.org/maven2/x"
    output = f"""[INFO] Downloading from central: {central}/a.pom
[INFO] Downloaded from central: {central}/a.pom (3.9 kB at 20 kB/s)
[INFO] Downloaded from central: {central}/b.jar (12 MB at 5.6 MB/s)
[INFO] Downloaded from central: {central}/c.jar (1,5 MB at 5,6 MB/s)
"""
    maven, told = install(FakeMaven(JARS, output=output)), list[str]()
    jars.kafka_jars(told.append)
    assert told[0] == "downloading Kafka 4.4.0 from Maven Central, about 60 MB, this first time only"
    assert [text.partition(": ")[2] for text in told[1:]] == [
        "0 MB so far", "0 MB so far", "12 MB so far", "14 MB so far",
    ]  # fmt: skip
    jars.kafka_jars(told.append)
    assert maven.runs == 1
    assert len(told) == 5, "nothing is downloaded"


@pytest.mark.parametrize("harm", ["changed", "missing", "added"])
def test_damaged_cache_is_fetched_again(install: Installer, harm: str) -> None:
    maven = install(FakeMaven(JARS))
    folder = jars.kafka_jars()
    if harm == "changed":
        (folder / "one.jar").write_bytes(b"fiRst")
    elif harm == "missing":
        (folder / "one.jar").unlink()
    else:
        (folder / "evil.jar").write_bytes(b"x")
    assert jars.kafka_jars() == folder
    assert maven.runs == 2
    assert {jar.name: jar.read_bytes() for jar in folder.glob("*.jar")} == JARS


def test_touched_but_unchanged_jar_is_not_fetched_again(install: Installer) -> None:
    maven = install(FakeMaven(JARS))
    (jars.kafka_jars() / "one.jar").touch()
    jars.kafka_jars()
    assert maven.runs == 1


def test_jars_of_somebody_else_are_refused_and_not_kept(install: Installer, tmp_path: Path) -> None:
    install(FakeMaven({**JARS, "one.jar": b"forged"}))
    with pytest.raises(EnvironmentMissingError, match=r"not the expected ones: one\.jar"):
        jars.kafka_jars()
    assert not list(tmp_path.rglob("*.jar"))


def test_no_network_is_told(install: Installer) -> None:
    install(FakeMaven({}, 1, "[ERROR] Could not transfer artifact org.apache.kafka: Unknown host"))
    with pytest.raises(EnvironmentMissingError, match="the network does not answer"):
        jars.kafka_jars()


def test_other_failures_show_mavens_first_error(install: Installer) -> None:
    install(FakeMaven({}, 1, "noise\n[ERROR] Failed to execute goal: broken pom\n[ERROR] more"))
    with pytest.raises(EnvironmentMissingError, match="Failed to execute goal: broken pom"):
        jars.kafka_jars()


def test_no_maven_is_told(install: Installer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(EnvironmentMissingError, match="Maven is not installed") as caught:
        jars.kafka_jars()
    assert "apt install maven" in str(caught.value)


def test_committed_checksums_are_of_that_kafka() -> None:
    sums = jars.committed_checksums()
    assert f"kafka_2.13-{jars.KAFKA_VERSION}.jar" in sums
    assert all(len(digest) == 64 for digest in sums.values())


@pytest.mark.parametrize(
    ("release", "version"), [('JAVA_VERSION="17.0.15"', 17), ('JAVA_VERSION="1.8.0_402"', 8), ("", 0)]
)
def test_java_version_without_starting_a_jvm(tmp_path: Path, release: str, version: int) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "release").write_text(release)
    assert java._version(tmp_path / "bin" / "java") == version


def test_java_that_is_old_or_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EnvironmentMissingError, match="no Java in"):
        java.java()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "java").chmod(0o755)
    (tmp_path / "release").write_text('JAVA_VERSION="11.0.2"')
    with pytest.raises(EnvironmentMissingError, match="is Java 11; 17 or newer is needed"):
        java.java()
