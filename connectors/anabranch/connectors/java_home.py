"""Where the JVM of this machine is, for all that start one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from anabranch.errors import EnvironmentMissingError

__all__ = ["INSTALL_JAVA", "java_program"]

INSTALL_JAVA = "install a JDK 17 (Debian: apt install openjdk-17-jdk-headless) or set JAVA_HOME to one"


def java_program() -> Path:
    """Path of ``java``: of JAVA_HOME if set, else of PATH.

    Raises:
        EnvironmentMissingError: There is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home, "bin")) if home else None)
    if found is None:
        missing = (
            f"no Java in {home}/bin (JAVA_HOME)" if home else "no Java on PATH, and JAVA_HOME is not set"
        )
        raise EnvironmentMissingError(missing, hint=INSTALL_JAVA)
    return Path(found)
