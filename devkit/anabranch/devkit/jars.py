"""The Kafka broker's jars, fetched once from Maven Central and held against committed checksums."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.state import DamagedError, cache_home, exclusive, read_json, write_json
from anabranch.errors import EnvironmentMissingError

__all__ = ["KAFKA_VERSION", "committed_checksums", "kafka_jars"]

KAFKA_VERSION = "4.4.0"
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_DOWNLOAD_LIMIT_S = 600.0
# The jars, and what Maven needs to copy them.
_SIZE_MB = 60
_TELL_EVERY_S = 5.0
_DOWNLOADED = re.compile(r"Downloaded from .* \((?P<number>[\d.,]+) (?P<unit>B|kB|MB) at ")
_UNITS = {"B": 1, "kB": 1_000, "MB": 1_000_000}


def kafka_jars(tell: Callable[[str], None] = lambda text: None) -> Path:
    """The folder with the broker's jars; downloads them when they are missing or changed.

    Args:
        tell: Called with how far a download is, every few seconds.

    Raises:
        EnvironmentMissingError: Maven is missing, the network does not answer, or what came is not
            what the committed checksums say.
    """
    folder = cache_home() / f"kafka-{KAFKA_VERSION}"
    if _is_intact(folder):
        return folder
    lock = folder.with_name(f".{folder.name}.lock")
    with exclusive(lock, timeout_s=_DOWNLOAD_LIMIT_S, what=f"the download of Kafka {KAFKA_VERSION}"):
        if _is_intact(folder):  # another command was faster
            return folder
        if folder.exists() and not _differences(folder):
            _remember(folder)
            return folder
        _download(folder, _Count(tell))
    return folder


def committed_checksums() -> dict[str, str]:
    """Jar name to SHA-256, as committed beside this module."""
    text = resources.files("anabranch.devkit").joinpath(f"kafka-{KAFKA_VERSION}.sha256").read_text()
    return {name: digest for digest, name in (line.split() for line in text.splitlines())}


class _Count:
    """Adds up what Maven says that it has downloaded."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._bytes = 0.0
        self._told_at = time.monotonic()
        tell(
            f"downloading Kafka {KAFKA_VERSION} from Maven Central, about {_SIZE_MB} MB, this first time only"
        )

    def line(self, text: str) -> None:
        """Takes one line of Maven's."""
        found = _DOWNLOADED.search(text)
        if found is not None:
            self._bytes += float(found["number"].replace(",", ".")) * _UNITS[found["unit"]]
        if time.monotonic() - self._told_at >= _TELL_EVERY_S:
            self._told_at = time.monotonic()
            self._tell(f"downloading Kafka {KAFKA_VERSION}: {self._bytes / _UNITS['MB']:.0f} MB so far")


def _download(folder: Path, count: _Count) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise EnvironmentMissingError(
            "Maven is not installed, and the Kafka broker comes from Maven Central",
            hint="install it (Debian: apt install maven), then try again",
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".kafka-") as scratch:
        pom, jars = Path(scratch, "pom.xml"), Path(scratch, "jars")
        pom.write_text(resources.files("anabranch.devkit").joinpath("kafka-pom.xml").read_text())
        goal = f"{_PLUGIN}:copy-dependencies"
        argv: list[str | Path] = [
            maven,
            "-B",
            "-f",
            pom,
            goal,
            "-DincludeScope=runtime",
            f"-DoutputDirectory={jars}",
        ]
        argv.append(f"-Dkafka.version={KAFKA_VERSION}")
        done = process.run_aloud(argv, timeout_s=_DOWNLOAD_LIMIT_S, on_line=count.line)
        if done.code != 0:
            raise _download_error(done.output)
        if wrong := _differences(jars):
            raise EnvironmentMissingError(
                f"the downloaded Kafka jars are not the expected ones: {', '.join(wrong[:3])}",
                where=str(folder),
                hint="something on the way to Maven Central changes files; clean ~/.m2/repository, try again",
            )
        if folder.exists():
            shutil.rmtree(folder)
        jars.replace(folder)
    _remember(folder)


def _download_error(output: str) -> EnvironmentMissingError:
    offline = ("Unknown host", "UnknownHost", "Connection refused", "Connect timed out", "Could not transfer")
    reasons = (
        [line for line in output.splitlines() if "ERROR" in line] or output.splitlines() or ["no output"]
    )
    if any(sign in output for sign in offline):
        return EnvironmentMissingError(
            f"cannot download Kafka {KAFKA_VERSION} from Maven Central: the network does not answer",
            hint="check the network, or the mirror and proxy in ~/.m2/settings.xml, then try again",
        )
    return EnvironmentMissingError(f"Maven could not fetch Kafka {KAFKA_VERSION}: {reasons[0][:300]}")


def _differences(folder: Path) -> list[str]:
    """Names of jars that are missing, too many or changed."""
    expected = committed_checksums()
    found = {jar.name: _sha256(jar) for jar in folder.glob("*.jar")}
    return sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(folder: Path) -> dict[str, list[int]]:
    """Size and time of each jar: changes when one is touched, and costs no reading."""
    return {jar.name: [jar.stat().st_size, jar.stat().st_mtime_ns] for jar in sorted(folder.glob("*.jar"))}


def _remember(folder: Path) -> None:
    write_json(folder / ".verified.json", _stamp(folder))


def _is_intact(folder: Path) -> bool:
    """Whether the jars are those whose checksums were verified last."""
    with contextlib.suppress(DamagedError):
        return read_json(folder / ".verified.json") == _stamp(folder) and folder.is_dir()
    return False
