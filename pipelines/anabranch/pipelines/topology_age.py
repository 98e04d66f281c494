"""Whether the topology that a job follows can still be read, and when its writers stop for want of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from anabranch.topology import TopologyWatcher
from anabranch.topology.store import is_read_here, public_uri

__all__ = ["TopologyAge", "max_stale_s", "watched_topology"]

_MAX_STALE = "max-stale"
_DEFAULT_MAX_STALE_S = 24 * 3600.0  # of Prism
# A publisher that is started anew is no trouble.
_UNCONFIRMED_S = 60.0
_DURATION = re.compile(r"([0-9]{1,19})\s*([a-zµ]*)")
_ISO = re.compile(r"p(?:([0-9]+)d)?(?:t(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:[.,][0-9]*)?)s)?)?")
_ISO_UNITS_S = (86400.0, 3600.0, 60.0, 1.0)
# Those of Flink's TimeUtils, in any case; a number alone is of milliseconds.
_LABELS = {
    1e-9: ("ns", "nano", "nanos", "nanosecond", "nanoseconds"),
    1e-6: ("µs", "micro", "micros", "microsecond", "microseconds"),
    1e-3: ("", "ms", "milli", "millis", "millisecond", "milliseconds"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
    60.0: ("m", "min", "minute", "minutes"),
    3600.0: ("h", "hour", "hours"),
    86400.0: ("d", "day", "days"),
}
_UNITS_S = {label: seconds for seconds, labels in _LABELS.items() for label in labels}


def max_stale_s(options: Iterable[Mapping[str, str]]) -> float:
    """After how many seconds without a confirmation the first of some writers stops.

    Args:
        options: Of each, as the connector ``prism`` takes them.
    """
    given = (each.get(_MAX_STALE, "") for each in options)
    return min(map(_seconds, given), default=_DEFAULT_MAX_STALE_S)


class TopologyAge:
    """Tells each change once.

    Reading it here stands for what the tasks do: from another machine they may fare better or worse.

    Args:
        watcher: Of the document.
        uri: Where it is.
        stale_s: Writers stop when nobody confirmed it for so long.
    """

    def __init__(self, watcher: TopologyWatcher, uri: str, stale_s: float) -> None:
        self._watcher = watcher
        self._where = public_uri(uri)
        self._stale_s = stale_s
        self._told = 0  # 1: that it cannot be read; 2: that nothing is written, too

    def look(self) -> str | None:
        """What is to be said now, if anything."""
        error, since_s = self._watcher.last_error, self._watcher.last_fetched_s
        if error is None or since_s is None:
            back = self._told > 0
            self._told = 0
            return f"the topology {self._where} can be read again" if back else None
        age_s = time.time() - since_s
        stage = 2 if age_s > self._stale_s else int(age_s >= _UNCONFIRMED_S)
        if stage <= self._told:
            return None
        self._told = stage
        known = f"warning: the topology was last confirmed {_text(age_s)} ago ({_first_line(str(error))}); "
        if stage == 1:
            return f"{known}the job goes on by what it knows, and stops writing at {_text(self._stale_s)}"
        return f"{known}nothing is written until it can be read: max-stale is {_text(self._stale_s)}"


@contextmanager
def watched_topology(uri: str | None, options: Iterable[Mapping[str, str]]) -> Iterator[TopologyAge | None]:
    """Follows a document while a job runs; None where it cannot be read from here.

    Args:
        uri: Of the document.
        options: Of each of the job's writers.
    """
    if uri is None or not is_read_here(uri):
        yield None
        return
    with TopologyWatcher(uri, quiet=True) as watcher:
        yield TopologyAge(watcher, uri, max_stale_s(options))


def _seconds(text: str) -> float:
    """As Flink reads it; what it refuses, it refuses itself."""
    text = text.strip().lower()
    found, iso = _DURATION.fullmatch(text), _ISO.fullmatch(text)
    if iso is not None and iso[0][-1] not in "pt":
        parts = zip(iso.groups("0"), _ISO_UNITS_S, strict=True)
        return sum(float(number.replace(",", ".")) * unit_s for number, unit_s in parts)
    if found is None or found[2] not in _UNITS_S:
        return _DEFAULT_MAX_STALE_S
    return int(found[1]) * _UNITS_S[found[2]]


def _text(seconds: float) -> str:
    """As long times are said: 45 s, 3 min, 25 h."""
    for unit_s, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _first_line(text: str) -> str:
    return text.splitlines()[0]
