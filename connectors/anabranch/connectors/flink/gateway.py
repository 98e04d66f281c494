"""What must be set before the first call into the JVM, which PyFlink starts once per process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib import util
from pathlib import Path

from anabranch.errors import EnvironmentMissingError

__all__ = ["check_installed", "prepare_gateway"]


def check_installed() -> None:
    """Looks for PyFlink and Java without importing or starting either.

    Raises:
        EnvironmentMissingError: One of them is missing.
    """
    if util.find_spec("pyflink") is None:
        raise EnvironmentMissingError("PyFlink is not installed", hint="pip install 'anabranch[flink]'")
    home = os.environ.get("JAVA_HOME")
    if home and not (Path(home) / "bin" / "java").is_file():
        raise EnvironmentMissingError(
            "JAVA_HOME has no bin/java", where=f"JAVA_HOME={home}", hint="point it to a JDK 17, or unset it"
        )
    if not home and shutil.which("java") is None:
        raise EnvironmentMissingError(
            "Java is not installed: there is no `java` on PATH and JAVA_HOME is not set",
            hint="install a JDK 17 (Debian: apt install openjdk-17-jre-headless)",
        )


def prepare_gateway(jars: Sequence[Path], log_folder: Path | None) -> None:
    """Sets the class path and the log folder of the JVM to come; without effect once it runs.

    Args:
        jars: Put on the JVM's own class path. Not ``pipeline.jars``: that would upload them with each
            job and load each class twice on a cluster that has them already.
        log_folder: Where the JVM writes its log; None keeps PyFlink's own folder.
    """
    check_installed()
    # PyFlink builds the class path from its folder and this variable; it has no other door.
    known = os.environ.get("HADOOP_CLASSPATH", "").split(os.pathsep)
    wanted = [str(jar) for jar in jars]
    os.environ["HADOOP_CLASSPATH"] = os.pathsep.join(dict.fromkeys(part for part in wanted + known if part))
    if log_folder is not None:
        log_folder.mkdir(parents=True, exist_ok=True)
        os.environ["FLINK_LOG_DIR"] = str(log_folder)
    # The other mode starts a server in this process that imports Beam, which takes seconds and serves
    # only functions in process mode; ours run in thread mode.
    os.environ.setdefault("_python_worker_execution_mode", "process")
