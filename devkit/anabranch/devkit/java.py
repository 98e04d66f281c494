"""The JVM of this machine."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from anabranch.devkit import process
from anabranch.errors import EnvironmentMissingError

__all__ = ["java"]

_MINIMUM = 17
_HINT = "install a JDK 17 (Debian: apt install openjdk-17-jdk-headless) or set JAVA_HOME to one"


def java() -> Path:
    """Path of a ``java`` that is new enough: of JAVA_HOME if set, else of PATH.

    Raises:
        EnvironmentMissingError: There is none, or it is older than 17.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home, "bin")) if home else None)
    if found is None:
        raise EnvironmentMissingError(
            f"no Java in {home}/bin (JAVA_HOME)" if home else "no Java on PATH", hint=_HINT
        )
    program = Path(found)
    version = _version(program)
    if version < _MINIMUM:
        raise EnvironmentMissingError(
            f"{program} is Java {version}; {_MINIMUM} or newer is needed", hint=_HINT
        )
    return program


def _version(program: Path) -> int:
    """The feature version, from the JDK's ``release`` file where there is one (no JVM is started)."""
    release = program.resolve().parent.parent / "release"
    text = (
        release.read_text() if release.is_file() else process.run([program, "-version"], timeout_s=30).output
    )
    match = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', text)
    return int(match.group(1)) if match else 0
