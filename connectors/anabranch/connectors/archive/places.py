"""Where archives are: a folder of this machine, or Blob Storage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from anabranch.errors import ConfigurationError

__all__ = ["ArchivePlace", "open_place"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_FILE = re.compile(r"file:(?://[^/]*)?")
_BLOB = ("abfss", "abfs", "wasbs")


class ArchivePlace(Protocol):
    """Files below one place; read, never written."""

    @property
    def where(self) -> str:
        """The place in words fit for errors."""

    def names(self, below: str = "") -> Iterator[str]:
        """Names of all files whose names begin so, relative to the place, in order.

        Raises:
            ConfigurationError: There is no such place, or no right to look.
            UnavailableError: It does not answer.
        """

    def folders(self) -> list[str]:
        """Names of the folders right below the place, each with a slash at its end."""

    def open(self, name: str) -> BinaryIO:
        """Opens a file for reading from its beginning, a part at a time.

        Raises:
            FileNotFoundError: It is gone.
        """

    def close(self) -> None:
        """Lets go of what it holds; files that are open are done with by then."""


def open_place(uri: str) -> ArchivePlace:
    """Returns the place that a path or URI means.

    Raises:
        ConfigurationError: It is none that can be read from here, or an identity is missing.
        EnvironmentMissingError: The package for Blob Storage is not installed.
    """
    scheme = _SCHEME.match(uri)
    if scheme is not None and scheme[1].lower() in _BLOB:
        from anabranch.connectors.archive.blob import BlobPlace

        return BlobPlace.of(uri)
    local = _FILE.match(uri)
    if scheme is not None and local is None:
        raise ConfigurationError(
            f"archives in {scheme[1]}: cannot be read from here",
            where=uri,
            hint=f"a folder, or Blob Storage ({', '.join(f'{each}:' for each in _BLOB)}); copy it to one",
        )
    return _Folder(Path(uri if local is None else uri[local.end() :]))


class _Folder:
    """A folder, or one file in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def where(self) -> str:
        return str(self._path)

    def names(self, below: str = "") -> Iterator[str]:
        if self._path.is_file():
            yield ""
            return
        if not self._path.is_dir():
            raise ConfigurationError("there is no such folder", where=self.where, hint="check the path")
        found = (path for path in (self._path / below).rglob("*") if path.is_file())
        yield from sorted(path.relative_to(self._path).as_posix() for path in found)

    def folders(self) -> list[str]:
        if not self._path.is_dir():
            return []
        return sorted(f"{path.name}/" for path in self._path.iterdir() if path.is_dir())

    def open(self, name: str) -> BinaryIO:
        return (self._path / name if name else self._path).open("rb")

    def close(self) -> None:
        pass
