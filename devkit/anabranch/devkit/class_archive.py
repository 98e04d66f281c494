"""Archives of the classes that brokers and Flink load, so that each start need not read and check them again.

Loading and verifying classes is a third of the CPU time of such a start. A JVM that runs writes what it
has loaded (class data sharing, JEP 350), and the next one of the same kind maps that file. Where anything
differs, be it Java or a jar, the JVM leaves the file alone by itself; no archive is ever needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.process import ProcessRef
from anabranch.devkit.state import cache_home, exclusive
from anabranch.errors import UnavailableError

__all__ = ["ClassArchive"]

_WRITE_LIMIT_S = 60.0
# 40 to 50 MB each. Some checkouts side by side, and what was built a moment ago.
_KEPT = 4
# The JVM ends itself where it cannot write an archive to its end.
_ROOM_BYTES = 256 * 2**20
# Where options of the user's own reach every JVM.
_OPTIONS = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
# A mismatch is no trouble of the user's.
_QUIET = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")


class ClassArchive:
    """The archive of one kind of process, for one start of it.

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
        self._there = self.path.is_file()
        # A debugger's or profiler's JVM takes no archive, and ends at once if it is to write one.
        self._fits = not any("agent" in os.environ.get(name, "") for name in _OPTIONS)

    def flags(self) -> list[str]:
        """For the JVM: to use the archive, or to be able to write it."""
        if not self._fits:
            return []
        if self._there:
            return [f"-XX:SharedArchiveFile={self.path}", *_QUIET]
        return ["-XX:+RecordDynamicDumpInfo", *_QUIET]

    def keep(self, ref: ProcessRef) -> None:
        """To be called when a process that has these flags is ready: it writes the archive if there was none.

        It stands still for some seconds meanwhile, once for each version. An archive that it did not take is
        removed, so that the next start writes one. Without a JDK's ``jcmd`` or room on the disk, and where
        another command writes the same, nothing happens: a start without an archive is as good.
        """
        if not self._fits:
            return
        with contextlib.suppress(UnavailableError, OSError):
            if self._there:
                if not _maps(ref, self.path):
                    self.path.unlink(missing_ok=True)
            elif self._java.with_name("jcmd").is_file():
                with exclusive(self.path.with_suffix(".lock"), timeout_s=0, what=str(self.path), stays=False):
                    self._write(ref)

    def _write(self, ref: ProcessRef) -> None:
        self._remove_leftovers()
        if self.path.is_file() or shutil.disk_usage(self._folder).free < _ROOM_BYTES:
            return
        scratch = self.path.with_name(f".{self.path.name}.{ref.pid}")
        command = self._java.with_name("jcmd")
        argv: list[str | Path] = [command, str(ref.pid), "VM.cds", "dynamic_dump", f'"{scratch}"']
        try:
            done = process.run(argv, timeout_s=_WRITE_LIMIT_S)
            if done.code == 0:
                with scratch.open("rb") as file:
                    os.fsync(file)
                scratch.replace(self.path)
                self._remove_old()
        finally:
            # A disk that may only be read complains also of what is not there.
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)

    def _remove_old(self) -> None:
        """A JVM that has mapped one keeps it."""
        found = sorted(self._folder.glob(f"{self._kind}-*.jsa"), key=lambda file: file.stat().st_mtime)
        for file in found[:-_KEPT]:
            file.unlink(missing_ok=True)

    def _remove_leftovers(self) -> None:
        """Of JVMs that were killed while they wrote, or went on when nobody waited any more."""
        for file in self._folder.glob(f".{self._kind}-*.jsa.*"):
            if time.time() - file.stat().st_mtime > 2 * _WRITE_LIMIT_S:
                file.unlink(missing_ok=True)


def _digest(java: Path, class_path: Sequence[Path]) -> str:
    """Changes with Java and with any jar."""
    parts = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in (java, *class_path)]
    return hashlib.sha256(os.linesep.join(parts).encode()).hexdigest()[:16]


def _maps(ref: ProcessRef, path: Path) -> bool:
    return str(path) in Path(f"/proc/{ref.pid}/maps").read_text()
