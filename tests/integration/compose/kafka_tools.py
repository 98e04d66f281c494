"""Kafka's command line tools, which the devkit's brokers do without and `kafka-topics.sh` is part of."""

from __future__ import annotations

import hashlib
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.jars import KAFKA_VERSION
from anabranch.devkit.state import cache_home, exclusive
from anabranch.errors import EnvironmentMissingError

__all__ = ["kafka_tools_jar"]

_SHA256 = "4eb9a7fbfd63badfd8d1a677aa2d54b47b2b2d442ff7d68fd223972afea1954c"
_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_DOWNLOAD_LIMIT_S = 600.0


def kafka_tools_jar() -> Path:
    """The jar, fetched once by Maven and held against a checksum.

    Raises:
        EnvironmentMissingError: Maven cannot fetch it, or it is not the expected one.
    """
    folder = cache_home() / "compose"
    jar = folder / f"kafka-tools-{KAFKA_VERSION}.jar"
    with exclusive(
        folder / ".kafka-tools.lock", timeout_s=_DOWNLOAD_LIMIT_S, what="the download of kafka-tools"
    ):
        if not jar.exists():
            artifact = f"-Dartifact=org.apache.kafka:kafka-tools:{KAFKA_VERSION}"
            argv = ["mvn", "-B", "-q", _GOAL, artifact, f"-DoutputDirectory={folder}"]
            done = process.run(argv, timeout_s=_DOWNLOAD_LIMIT_S, cwd=folder)
            if done.code != 0:
                raise EnvironmentMissingError(f"Maven could not fetch kafka-tools:\n{done.output[-2000:]}")
    if hashlib.sha256(jar.read_bytes()).hexdigest() != _SHA256:
        raise EnvironmentMissingError("not the expected kafka-tools", where=str(jar), hint="delete the file")
    return jar
