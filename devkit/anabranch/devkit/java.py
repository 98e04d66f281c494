"""The JVM of this machine."""

from __future__ import annotations

import re
from pathlib import Path

from anabranch.connectors.java_home import INSTALL_JAVA, java_program
from anabranch.devkit import process
from anabranch.errors import EnvironmentMissingError

__all__ = ["java"]

_MINIMUM = 17


def java() -> Path:
    """Path of a ``java`` that is new enough: of JAVA_HOME if set, else of PATH.

    Raises:
        EnvironmentMissingError: There is none, or it is older than 17.
    """
    program = java_program()
    version = _version(program)
    if version < _MINIMUM:
        raise EnvironmentMissingError(
            f"{program} is Java {version}; {_MINIMUM} or newer is needed", hint=INSTALL_JAVA
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
