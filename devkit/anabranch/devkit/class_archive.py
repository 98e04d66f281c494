"""Archives of the classes that brokers and Flink load, so that each start need not read and check them again.

Loading and verifying classes is a third of the CPU time of such a start. A JVM that runs writes what it
has loaded (class data sharing, JEP 350), and the next one of the same kind maps that file. Where anything
differs, be it Java or a jar, the JVM leaves the file alone by itself; no archive is ever needed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.process import ProcessRef
from anabranch.devkit.state import cache_home, exclusive
from anabranch.errors import UnavailableError

__all__ = ["ClassArchive"]

_WRITE_LIMIT_S = 60.0
# 40 MB each. Some checkouts side by side, and what was built a moment ago.
_KEPT = 4
# A mismatch is no trouble of the user's.
_QUIET = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")


class ClassArchive:
    """The archive of one kind of process.

    Args:
        kind: E.g. ``kafka``; part of the file's name.
        java: The program.
        class_path: Its jars, in the order in which the JVM is given them.
    """

    def __init__(self, kind: str, java: Path, class_path: Sequence[Path]) -> None:
        self._kind = kind
        self._java = java.resolve()
        self._folder = cache_home() / "classes"
        self.path = self._folder / f"{kind}-{_digest(self._java, class_path)}.jsa"

    def flags(self) -> list[str]:
        """For the JVM: to use the archive, or to be able to write it."""
        if self.path.is_file():
            return [f"-XX:SharedArchiveFile={self.path}", *_QUIET]
        return ["-XX:+RecordDynamicDumpInfo", *_QUIET]

    def write(self, ref: ProcessRef) -> None:
        """Has a process that was started with :meth:`flags` and is ready write the archive if there is none.

        It stands still for some seconds meanwhile, once for each version. Without a JDK's ``jcmd``, and where
        another command writes the same, nothing happens.
        """
        command = self._java.with_name("jcmd")
        if self.path.is_file() or not command.is_file():
            return
        scratch = self.path.with_name(f".{self.path.name}.{ref.pid}")
        try:
            with exclusive(self.path.with_suffix(".lock"), timeout_s=0, what=str(self.path), stays=False):
                if not self.path.is_file():
                    argv: list[str | Path] = [command, str(ref.pid), "VM.cds", "dynamic_dump", scratch]
                    process.run(argv, timeout_s=_WRITE_LIMIT_S)
                    if scratch.is_file():
                        scratch.replace(self.path)
                        self._remove_old()
        except (UnavailableError, OSError):
            return  # a start without an archive is as good, and a little slower
        finally:
            scratch.unlink(missing_ok=True)

    def _remove_old(self) -> None:
        """A JVM that has mapped one keeps it."""
        found = sorted(self._folder.glob(f"{self._kind}-*.jsa"), key=lambda file: file.stat().st_mtime)
        for file in found[:-_KEPT]:
            file.unlink(missing_ok=True)


def _digest(java: Path, class_path: Sequence[Path]) -> str:
    """Changes with whatever makes the JVM refuse an archive."""
    parts = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in (java, *class_path)]
    return hashlib.sha256(os.linesep.join(parts).encode()).hexdigest()[:16]
