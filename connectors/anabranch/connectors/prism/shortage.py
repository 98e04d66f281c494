"""How many copies a record may end with, while too few primaries work."""

from __future__ import annotations

import math

__all__ = ["Shortage"]


class Shortage:
    """As many copies as wanted or, once too few primaries have worked for long, as many as primaries work.

    Each number of copies has a clock of its own, which starts when fewer primaries work. So where the third
    of three was lost for that time, and just then the second is, two copies are wanted for as long again. It
    goes up at once. The same as ``Shortage.java``.

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
        self._worked = 1
        # At [n], while no more than n primaries work: since when.
        self._since = [0.0]

    def want(self, copies: int) -> None:
        """Goes over to another number of wanted copies."""
        if copies != self._wanted:
            self._wanted = self.enough = self._worked = copies
            self._since = [0.0] * copies

    def look(self, working: int, now: float) -> bool:
        """To be called at each round; says whether fewer copies do than before."""
        if not self.allowed:
            return False
        works = min(working, self._wanted)
        for fewer in range(works, self._worked):
            self._since[fewer] = now
        self._worked = works
        before = self.enough
        self.enough = max(1, works)
        while self.enough < self._wanted and now - self._since[self.enough] < self._degrade_after_s:
            self.enough += 1
        return self.enough < before
