"""A document in a file: atomic replacement under a lock."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from anabranch.errors import TopologyError, UnavailableError
from anabranch.topology.store import MAX_BYTES, Stored, conflict

__all__ = ["FileStore", "write_atomically"]

# Publishers hold the lock for one read and one write; longer means that one of them hangs.
_LOCK_TIMEOUT_S = 10.0
# Editors write in place within milliseconds. A file that changed just now is read again after this
# time until two reads agree, so that half a file, which may well be valid YAML, is not taken.
_SETTLE_S = 0.05
_SETTLE_ROUNDS = 20


class FileStore:
    """One file. Readers need no lock, because a new version comes by rename."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    @property
    def where(self) -> str:
        """The path as it was given."""
        return str(self._path)

    @property
    def key(self) -> str:
        """The absolute path."""
        return os.path.abspath(self._path)

    def read(self, known: Stored | None = None) -> Stored | None:
        """Reads the file once it has settled; None: there is no such file."""
        content = self._content()
        for _ in range(_SETTLE_ROUNDS):
            if content is None or self._is_settled():
                break
            time.sleep(_SETTLE_S)
            previous, content = content, self._content()
            if previous == content:
                break
        if content is None:
            return None
        tag = hashlib.sha256(content).hexdigest()
        if known is not None and known.tag == tag:
            return known
        try:
            return Stored(content.decode("utf-8"), tag)
        except UnicodeDecodeError:
            raise TopologyError("the file is not UTF-8 text", where=self.where) from None

    def replace(self, text: str, known: Stored | None) -> Stored:
        """Writes a new version by rename, under the lock of all publishers of this file."""
        # A symbolic link stays one: what it points to is replaced.
        target = Path(os.path.realpath(self._path))
        try:
            with self._locked(target):
                current = self._content()
                tag = hashlib.sha256(current).hexdigest() if current is not None else None
                if tag != (known.tag if known is not None else None):
                    raise conflict(self.where)
                write_atomically(target, text)
        except OSError as error:
            raise TopologyError(
                f"cannot be written: {error.strerror}", where=self.where, hint="check folder and rights"
            ) from error
        return Stored(text, hashlib.sha256(text.encode()).hexdigest())

    def _content(self) -> bytes | None:
        try:
            with open(self._path, "rb", opener=_open_at_once) as file:
                self._check_kind(os.fstat(file.fileno()).st_mode)
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            hint = (
                "name a file in it"
                if isinstance(error, IsADirectoryError)
                else "check the path and its rights"
            )
            raise UnavailableError(
                f"cannot be read: {error.strerror}", where=self.where, hint=hint
            ) from error
        if len(content) > MAX_BYTES:
            raise TopologyError(
                f"the file has more than {MAX_BYTES} bytes", where=self.where, hint="check the path"
            )
        return content

    def _check_kind(self, mode: int) -> None:
        if not stat.S_ISREG(mode):
            hint = "a document is read again and again: write it to a file"
            raise TopologyError("is no regular file", where=self.where, hint=hint)

    def _is_settled(self) -> bool:
        try:
            return abs(time.time() - self._path.stat().st_mtime) > _SETTLE_S
        except OSError:
            return False

    @contextlib.contextmanager
    def _locked(self, target: Path) -> Iterator[None]:
        # A file beside it, never removed: removing a lock file lets two holders in.
        with (target.parent / f".{target.name}.lock").open("a") as lock:
            deadline = time.monotonic() + _LOCK_TIMEOUT_S
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise UnavailableError("another publisher holds the lock", where=self.where) from None
                    time.sleep(0.02)
            yield


def _open_at_once(path: str, flags: int) -> int:
    # Without this a pipe waits for a writer; to a regular file it is nothing.
    return os.open(path, flags | os.O_NONBLOCK)


def write_atomically(path: Path, text: str) -> None:
    """Replaces a file so that readers, and a machine that loses power, see the old or the new one."""
    temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}.tmp"
    try:
        # Not by mkstemp: its mode is 0600, and the umask cannot be read without setting it for all threads.
        with temporary.open("x", encoding="utf-8", newline="") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
