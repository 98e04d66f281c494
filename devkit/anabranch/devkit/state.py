"""Where the devkit keeps things, and locks between commands.

State (loops, logs, data of the brokers) lives below ``XDG_STATE_HOME``, what can be downloaded again
below ``XDG_CACHE_HOME``. Files are replaced atomically, so a reader never sees half of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from anabranch.errors import ConfigurationError, UnavailableError

__all__ = [
    "DamagedError",
    "cache_home",
    "exclusive",
    "loops_home",
    "name_option",
    "read_json",
    "state_home",
    "write_atomically",
    "write_json",
]


class DamagedError(ConfigurationError):
    """A file of the devkit's holds what no version of it writes, as after a crash or a full disk."""


def state_home() -> Path:
    """``$XDG_STATE_HOME/anabranch``, by default below ``~/.local/state``."""
    return _base("XDG_STATE_HOME", ".local/state") / "anabranch"


def cache_home() -> Path:
    """``$XDG_CACHE_HOME/anabranch``, by default below ``~/.cache``."""
    return _base("XDG_CACHE_HOME", ".cache") / "anabranch"


def loops_home() -> Path:
    """The folder with one folder per loop."""
    return state_home() / "loops"


def name_option(folder: Path) -> str:
    """`` --name LOOP`` for a hint, of a folder in that loop's; empty where the default is meant."""
    home = loops_home()
    name = folder.relative_to(home).parts[0] if folder.is_relative_to(home) else "default"
    return "" if name == "default" else f" --name {name}"


@contextlib.contextmanager
def exclusive(path: Path, *, timeout_s: float, what: str, stays: bool = True) -> Iterator[None]:
    """Holds a lock that ends with this process, whatever ends it.

    Args:
        path: The lock file.
        timeout_s: How long to wait for another holder; 0 tries once.
        what: Named in the error, as in "``what`` is being worked on by another command".
        stays: Whether the file stays behind, empty. All holders of one file must say the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    file = path.open("a")
    try:
        # Who waited for a file that its holder then removed has locked what nobody else will see.
        _lock(file, deadline, what)
        while not (stays or _is_at(path, file)):
            file.close()
            file = path.open("a")
            _lock(file, deadline, what)
        try:
            yield
        finally:
            if not stays:
                path.unlink(missing_ok=True)
    finally:
        file.close()


def _lock(file: IO[str], deadline: float, what: str) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"{what} is being worked on by another command",
                    hint="wait until it is done, then try again",
                ) from None
            time.sleep(0.05)


def _is_at(path: Path, file: IO[str]) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    return False


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replaces a file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # else, after a crash, an empty one may have replaced it
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Replaces a JSON file as a whole."""
    write_atomically(path, json.dumps(value, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The value of a JSON file, or None when it is not there.

    Raises:
        DamagedError: It holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value is None:
            raise ValueError("it holds no value")  # else it would be taken for a file that is not there
        return value
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DamagedError(
            f"the file is damaged: {error}",
            where=str(path),
            hint="of a loop's, anabranch dev down --name NAME ends the loop and removes it",
        ) from None


def _base(variable: str, default: str) -> Path:
    value = os.environ.get(variable, "")
    # The specification says that a relative path is to be ignored.
    return Path(value) if Path(value).is_absolute() else Path.home() / default
