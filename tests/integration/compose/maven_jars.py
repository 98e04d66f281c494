"""Jars that the official images have and neither the devkit nor PyFlink does; fetched once by Maven."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.jars import KAFKA_VERSION
from anabranch.devkit.state import cache_home, exclusive
from anabranch.errors import EnvironmentMissingError

__all__ = ["KAFKA_TOOLS", "SQL_GATEWAY", "MavenJar", "fetched"]

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_DOWNLOAD_LIMIT_S = 600.0


@dataclass(frozen=True)
class MavenJar:
    """One jar of Maven Central.

    Attributes:
        group: Maven's group id.
        name: Maven's artifact id.
        version: That of the devkit's Kafka or of PyFlink, hence of the image.
        sha256: Of the jar.
    """

    group: str
    name: str
    version: str
    sha256: str


KAFKA_TOOLS = MavenJar(
    "org.apache.kafka", "kafka-tools", KAFKA_VERSION,
    "4eb9a7fbfd63badfd8d1a677aa2d54b47b2b2d442ff7d68fd223972afea1954c",
)  # fmt: skip
"""What `kafka-topics.sh` runs."""

SQL_GATEWAY = MavenJar(
    "org.apache.flink", "flink-sql-gateway", version("apache-flink"),
    "aad296a152dc367ddd70727f5a57dd61958cff3d8dceb1f947bf8d9705c8d724",
)  # fmt: skip
"""What `sql-client.sh` talks to, in its own process."""


def fetched(jar: MavenJar) -> Path:
    """The jar in the user's cache.

    Raises:
        EnvironmentMissingError: Maven cannot fetch it, or it is not the expected one.
    """
    folder = cache_home() / "compose"
    path = folder / f"{jar.name}-{jar.version}.jar"
    with exclusive(path.with_suffix(".lock"), timeout_s=_DOWNLOAD_LIMIT_S, what=f"{jar.name}'s download"):
        if not path.exists():
            artifact = f"-Dartifact={jar.group}:{jar.name}:{jar.version}"
            argv = ["mvn", "-B", "-q", _COPY, artifact, f"-DoutputDirectory={folder}"]
            done = process.run(argv, timeout_s=_DOWNLOAD_LIMIT_S, cwd=folder)
            if done.code != 0:
                raise EnvironmentMissingError(f"Maven cannot fetch {jar.name}:\n{done.output[-2000:]}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != jar.sha256:
        raise EnvironmentMissingError("not the expected jar", where=str(path), hint="delete it")
    return path
