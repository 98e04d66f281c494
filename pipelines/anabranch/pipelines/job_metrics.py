"""Metrics of a running job, as far as showing a run needs them: dead letters, and how its primaries are."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from anabranch.pipelines.events import PrimaryHealth
from anabranch.pipelines.rest import RestClient

__all__ = ["DEAD_LETTERS", "JobMetrics", "Told"]

# A counter of the operators that set records aside; the operator's name stands before it.
DEAD_LETTERS = "deadLetters"
_DEAD_LETTERS = re.compile(rf"\.{DEAD_LETTERS}$")
# Of a union source's enumerator and readers, and of a prism's writers.
_ENUMERATOR = ".enumerator"
_PRIMARY = re.compile(r"^(?P<operator>.+)\.primary\.(?P<primary>[^.]+)\.(?P<what>up|parked|lag|lostRanges)$")
# A wide job has thousands of metrics, whose names are all asked for; Flink itself asks its tasks every 10 s
# unless told otherwise.
_SOME_S = 2.0


@dataclass(frozen=True)
class Told:
    """Dead letters so far, and the primaries by name, of all sources and sinks together."""

    dead_letters: int = 0
    primaries: tuple[PrimaryHealth, ...] = ()


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

        Raises:
            UnavailableError: Flink does not answer.
            JobError: It does not know the job (any more).
        """
        now = time.monotonic()
        if ended or now - self._asked_at >= _SOME_S:
            values = [value for vertex in vertices for value in self._values(vertex)]
            values += [value for vertex in sources for value in self._coordinator_values(vertex)]
            self._told = Told(
                sum(int(value.total) for value in values if _DEAD_LETTERS.search(value.name)),
                _health(values),
            )
            self._asked_at = now
        return self._told

    def _values(self, vertex: str) -> list[_Value]:
        answer = self._asked(f"/jobs/{self._job_id}/vertices/{vertex}/subtasks/metrics", "&agg=min,sum")
        return [_Value(str(each["id"]), float(each["min"]), float(each["sum"])) for each in answer]

    def _coordinator_values(self, vertex: str) -> list[_Value]:
        answer = self._asked(f"/jobs/{self._job_id}/vertices/{vertex}/jm-operator-metrics", "")
        values = ((str(each["id"]), float(each["value"])) for each in answer)
        return [_Value(name, value, value) for name, value in values]

    def _asked(self, metrics: str, how: str) -> list[dict[str, Any]]:
        names = [str(each["id"]) for each in self._rest.get(metrics)]
        wanted = [name for name in names if _DEAD_LETTERS.search(name) or _PRIMARY.match(name)]
        if not wanted:
            return []
        answer: list[dict[str, Any]] = self._rest.get(f"{metrics}?get={','.join(map(quote, wanted))}{how}")
        return answer


def _health(values: Iterable[_Value]) -> tuple[PrimaryHealth, ...]:
    by_primary: defaultdict[str, defaultdict[str, dict[str, _Value]]]
    by_primary = defaultdict(lambda: defaultdict(dict))
    for value in values:
        found = _PRIMARY.match(value.name)
        if found is not None:
            by_primary[found["primary"]][found["operator"]][found["what"]] = value
    return tuple(_of_primary(name, by_primary[name]) for name in sorted(by_primary))


def _of_primary(name: str, operators: Mapping[str, Mapping[str, _Value]]) -> PrimaryHealth:
    def total(what: str) -> int:
        return sum(int(metrics[what].total) for metrics in operators.values() if what in metrics)

    return PrimaryHealth(
        name,
        up=all(map(_is_up, operators.values())),
        read=any("parked" in metrics or who.endswith(_ENUMERATOR) for who, metrics in operators.items()),
        parked=total("parked"),
        lag=total("lag"),
        lost_ranges=total("lostRanges"),
    )


def _is_up(metrics: Mapping[str, _Value]) -> bool:
    """As one operator finds the primary; as good as up for one that does not ask it.

    That is a reader without a partition there that is still to be read, and, below 0, an enumerator whose
    topology no longer has it.
    """
    asks = "parked" not in metrics or metrics["parked"].total > 0
    return not asks or "up" not in metrics or metrics["up"].least != 0
