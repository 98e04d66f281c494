"""The long-lived JVM that plays histories against the real enumerator and readers."""

from __future__ import annotations

import json
import os
import select
import subprocess
from pathlib import Path
from typing import Any

UNION = Path(__file__).parents[2] / "connectors" / "java" / "union" / "target"
_OPTIONS = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xmx256m",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
)

# A history takes milliseconds; only one that hangs takes this long, even on a busy machine.
_PATIENCE_S = 60


def java(main: str, patched: Path | None) -> list[str]:
    """The command that runs a main class of the union module's tests.

    Args:
        patched: a folder of classes that go before the product's, for mutants.

    Raises:
        FileNotFoundError: The module has not been built.
    """
    listed = UNION / "test-class-path"
    if not listed.exists():
        raise FileNotFoundError(f"{listed} is missing: run `make setup`")
    own = [str(UNION / "classes"), str(UNION / "test-classes")]
    folders = [*([str(patched)] if patched else []), *own, listed.read_text().strip()]
    return ["java", *_OPTIONS, "-cp", os.pathsep.join(folders), f"dev.anabranch.union.{main}"]


class WorldJvm:
    """One process for any number of histories.

    Args:
        patched: as of `java`.
    """

    def __init__(self, patched: Path | None = None) -> None:
        command = java("UnionWorld", patched)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.histories = 0

    def play(self, commands: list[str]) -> list[Any]:
        """Plays one history and returns what came of it, in order."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(";".join(commands) + "\n")
        self._process.stdin.flush()
        self.histories += 1
        if not select.select([self._process.stdout], [], [], _PATIENCE_S)[0]:
            return [["died", "Timeout", f"no answer within {_PATIENCE_S} s"]]
        trace: list[Any] = json.loads(self._process.stdout.readline())
        return trace

    def close(self) -> None:
        """Ends the process; it has nothing to save."""
        self._process.kill()
        self._process.communicate()
