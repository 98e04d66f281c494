"""How many copies a record may end with, while too few primaries work."""

from __future__ import annotations

import math

__all__ = ["Shortage"]


class Shortage:
    """As many copies as wanted or, once too few primaries have worked for long, as many as primaries work.

    It goes down after a time, again after as long if another one is lost, and up at once. The same as
    ``Shortage.java``.

    Args:
        degrade_after_s: That time; None: no record ever ends with fewer.

    Attributes:
        allowed: A record may end with fewer copies at all.
        enough: Copies that do now; at least 1.
    """

    def __init__(self, degrade_after_s: float | None) -> None:
        self.allowed = degrade_after_s is not None
        self._degrade_after_s = math.inf if degrade_after_s is None else degrade_after_s
        self._wanted = self.enough = 1
        self._since: float | None = None

    def want(self, copies: int) -> None:
        """Goes over to another number of wanted copies."""
        if copies != self._wanted:
            self._wanted = self.enough = copies
            self._since = None

    def look(self, working: int, now: float) -> bool:
        """To be called at each round; says whether fewer copies do than before."""
        if not self.allowed:
            return False
        if working >= self.enough:
            self.enough = min(working, self._wanted)
            self._since = None
            return False
        if self._since is None:
            self._since = now
        fewer = max(1, working)
        if fewer == self.enough or now - self._since < self._degrade_after_s:
            return False
        self.enough = fewer
        return True
