"""Metrics of a running job that are shown: what to look after, and how its primaries are."""

from __future__ import annotations

import contextlib
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anabranch.errors import JobError, UnavailableError
from anabranch.pipelines.events import PrimaryHealth
from anabranch.pipelines.rest import RestClient

__all__ = ["DEAD_LETTERS", "JobMetrics", "Told"]

# A counter of the operators that set records aside; the operator's name stands before it.
DEAD_LETTERS = "deadLetters"
_DEAD_LETTERS = re.compile(rf"\.{DEAD_LETTERS}$")
_LATE_RECORDS = re.compile(r"\.lateRecords$")
# Of a prism's writers.
_DEGRADED = re.compile(r"\.degraded$")
_REPEATED_IDS = re.compile(r"\.repeatedIds$")
_COUNTERS = (_DEAD_LETTERS, _LATE_RECORDS, _DEGRADED, _REPEATED_IDS)
# Of a union source's enumerator and readers, and of a prism's writers.
_ENUMERATOR = ".enumerator"
_PRIMARY = re.compile(
    r"^(?P<operator>.+)\.primary\.(?P<primary>[^.]+)\.(?P<what>up|parked|lag|lostRanges|lostRecords)$"
)
# In words; of the enumerator alone.
_TROUBLE = re.compile(r"\.primary\.(?P<primary>[^.]+)\.trouble$")
# A wide job has thousands of metrics, whose names are all asked for; Flink itself asks its tasks every 10 s
# unless told otherwise.
_SOME_S = 2.0


@dataclass(frozen=True)
class Told:
    """Of all sources and sinks together.

    Attributes:
        dead_letters: Set aside so far.
        primaries: By name.
        late_records: So far.
        degraded: Records that were written to fewer primaries than the stream's copies, so far.
        repeated_ids: Rows that were seen to have the id of another one, so far.
    """

    dead_letters: int = 0
    primaries: tuple[PrimaryHealth, ...] = ()
    late_records: int = 0
    degraded: int = 0
    repeated_ids: int = 0


@dataclass(frozen=True)
class _Value:
    """One metric over all subtasks of a vertex, or of its coordinator, which is in the JobManager."""

    name: str
    least: float
    total: float


class JobMetrics:
    """Asks for them at most every two seconds.

    Args:
        rest: Of the Flink that runs the job.
        job_id: 32 hex digits.
    """

    def __init__(self, rest: RestClient, job_id: str) -> None:
        self._rest = rest
        self._job_id = job_id
        self._asked_at = float("-inf")
        self._told = Told()

    def now(self, vertices: Iterable[str], sources: Iterable[str], *, ended: bool) -> Told:
        """What the tasks of these vertices tell, some seconds late.

        Args:
            vertices: Their ids.
            sources: Of those that have a source.
            ended: The job has: what it told last is asked for once more, however soon.
        """
        now = time.monotonic()
        if ended or now - self._asked_at >= _SOME_S:
            self._asked_at = now
            # Without them a run can still be followed.
            with contextlib.suppress(UnavailableError, JobError):
                self._told = self._ask(vertices, sources)
        return self._told

    def _ask(self, vertices: Iterable[str], sources: Iterable[str]) -> Told:
        values = [value for vertex in vertices for value in self._values(vertex)]
        troubles: dict[str, str] = {}
        for vertex in sources:
            for name, text in self._coordinator_values(vertex):
                found = _TROUBLE.search(name)
                if found is None:
                    values.append(_Value(name, float(text), float(text)))
                elif text:
                    troubles[found["primary"]] = text
        letters, late, degraded, repeated = (
            sum(int(value.total) for value in values if counter.search(value.name)) for counter in _COUNTERS
        )
        return Told(letters, _health(values, troubles), late, degraded, repeated)

    def _values(self, vertex: str) -> list[_Value]:
        answer = self._asked(f"/jobs/{self._job_id}/vertices/{vertex}/subtasks/metrics", "&agg=min,sum")
        return [_Value(str(each["id"]), float(each["min"]), float(each["sum"])) for each in answer]

    def _coordinator_values(self, vertex: str) -> list[tuple[str, str]]:
        answer = self._asked(f"/jobs/{self._job_id}/vertices/{vertex}/jm-operator-metrics", "")
        return [(str(each["id"]), str(each["value"])) for each in answer]

    def _asked(self, metrics: str, how: str) -> list[dict[str, Any]]:
        names = [str(each["id"]) for each in self._rest.get(metrics)]
        wanted = (
            name for name in names if any(kind.search(name) for kind in (*_COUNTERS, _PRIMARY, _TROUBLE))
        )
        return self._rest.metrics_of(metrics, wanted, how)


def _health(values: Iterable[_Value], troubles: Mapping[str, str]) -> tuple[PrimaryHealth, ...]:
    by_primary: defaultdict[str, defaultdict[str, dict[str, _Value]]]
    by_primary = defaultdict(lambda: defaultdict(dict))
    for value in values:
        found = _PRIMARY.match(value.name)
        if found is not None:
            by_primary[found["primary"]][found["operator"]][found["what"]] = value
    return tuple(
        _of_primary(name, operators, troubles.get(name, "")) for name, operators in sorted(by_primary.items())
    )


def _of_primary(name: str, operators: Mapping[str, Mapping[str, _Value]], trouble: str) -> PrimaryHealth:
    readers = [metrics for metrics in operators.values() if "parked" in metrics]
    found = [metrics["up"].least for who, metrics in operators.items() if who.endswith(_ENUMERATOR)]
    written = [metrics["up"].least for who, metrics in operators.items() if _is_writer(who, metrics)]

    def total(what: str) -> int:
        return sum(int(metrics[what].total) for metrics in readers if what in metrics)

    # Who has all that it wants of a primary does not ask it; until it is discovered, the enumerator does.
    asking = [metrics["up"].least for metrics in readers if metrics["parked"].total > 0 and "up" in metrics]
    return PrimaryHealth(
        name,
        in_topology=not found or any(up >= 0 for up in found),
        answers=all(up != 0 for up in (asking if readers else found)) if readers or found else None,
        takes=all(up > 0 for up in written) if written else None,
        parked=total("parked"),
        lag=total("lag"),
        lost_ranges=total("lostRanges"),
        lost_records=total("lostRecords"),
        trouble=trouble,
    )


def _is_writer(who: str, metrics: Mapping[str, _Value]) -> bool:
    return "up" in metrics and "parked" not in metrics and not who.endswith(_ENUMERATOR)
