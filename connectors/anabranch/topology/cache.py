"""The last good document on disk, so that a restart never needs the publisher.

One file per location in ``$ANABRANCH_TOPOLOGY_CACHE`` or ``$XDG_CACHE_HOME/anabranch/topology``
(``~/.cache/…``), named by a hash of the location. Its time of change is when the document was last
confirmed. The JVM keeps its own copies in the same folder under the same names.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from anabranch.errors import TopologyError
from anabranch.topology.document import parse_topology
from anabranch.topology.file_store import write_atomically
from anabranch.topology.model import Topology

__all__ = ["Cached", "TopologyCache", "default_cache_dir"]

# How often an unchanged document's file gets a new time: often enough for any sensible `max_stale`.
_TOUCH_EVERY_S = 60.0


def default_cache_dir() -> Path:
    """Where documents are cached unless a caller says otherwise."""
    own = os.environ.get("ANABRANCH_TOPOLOGY_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anabranch" / "topology"


@dataclass(frozen=True)
class Cached:
    """A document from the cache and when it was last confirmed, seconds since the epoch."""

    topology: Topology
    confirmed_s: float


class TopologyCache:
    """The cached document of one location. An unusable cache is as good as none: no error leaves it.

    Args:
        location: The location as readers know it, made absolute.
        folder: Where the files are.
    """

    def __init__(self, location: str, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{hashlib.sha256(location.encode()).hexdigest()[:32]}.yaml"
        self._kept: str | None = None

    @property
    def path(self) -> Path:
        """The file of this location."""
        return self._path

    def load(self) -> Cached | None:
        """The last good document, if there is one and it is still valid."""
        try:
            text = self._path.read_text(encoding="utf-8")
            confirmed_s = self._path.stat().st_mtime
            return Cached(parse_topology(text, str(self._path)), confirmed_s)
        except (OSError, UnicodeDecodeError, TopologyError):
            return None

    def keep(self, text: str) -> OSError | None:
        """Keeps a document that was just found good; returns what went wrong, if something did."""
        try:
            if text != self._kept:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_atomically(self._path, text)
                self._kept = text
            elif time.time() - self._path.stat().st_mtime > _TOUCH_EVERY_S:
                os.utime(self._path)
        except OSError as error:
            self._kept = None
            return error
        return None
