"""What is wrong with a primary at the moment, as a whole or with partitions of it, and since when."""

from __future__ import annotations

import math
import time
from collections.abc import Collection

from anabranch.connectors.troubles import concise

__all__ = ["ReaderTrouble", "named"]


class ReaderTrouble:
    """Two troubles: one of the primary, which any answer ends, and one of partitions, which only they end.

    Partitions of which nothing comes are a trouble only as far as it is theirs: while others of their primary
    bring records, or the caller takes none, their time does not count.
    """

    def __init__(self) -> None:
        self.whole: str | None = None
        self.partitions: str | None = None
        self._whole_since = self._partitions_since = math.inf
        self._progress_at = time.monotonic()

    @property
    def text(self) -> str | None:
        """The more telling one; None if all is well."""
        return self.partitions or self.whole

    @property
    def since(self) -> float:
        """From when the deadline counts, by the monotonic clock; without end while there is no trouble."""
        return min(self._whole_since, max(self._partitions_since, self._progress_at))

    @property
    def silent_s(self) -> float:
        """How long the primary has brought nothing that was waited for."""
        return time.monotonic() - self._progress_at

    def progress(self) -> None:
        """Something was read, or begins to be."""
        self._progress_at = time.monotonic()

    def note(self, text: str | None) -> None:
        """Of the primary; None: it answers."""
        if text is None:
            self._whole_since = math.inf
        elif self.whole is None:
            self._whole_since = time.monotonic()
        self.whole = None if text is None else concise(text)

    def note_partitions(self, text: str | None) -> None:
        """Of partitions of a primary that answers; None: of none."""
        if text is None:
            self._partitions_since = math.inf
        elif self.partitions is None:
            self._partitions_since = time.monotonic()
        self.partitions = text

    def unknown(self, text: str) -> None:
        """The primary does not say any more how its partitions are; their time goes on as its own."""
        since = self.since
        self.note_partitions(None)
        self.note(text)
        self._whole_since = min(self._whole_since, since)


def named(topic: str, partitions: Collection[int]) -> str:
    """``topic 't', partition 1``, or several."""
    noun = "partition" if len(partitions) == 1 else "partitions"
    return f"topic '{topic}', {noun} {', '.join(map(str, sorted(partitions)))}"
