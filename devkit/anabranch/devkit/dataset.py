"""The demo's input: MLPerf training logs, rebased so that all runs go side by side.

A data file holds one event a line, ``run id TAB json``, in the order of each run's own log. The runs lie
months apart, so the replay orders all events by the time since their run began; the payload keeps the
original times. An event's identity is (run, position in the run), never its content: equal lines are
legitimate and must all be counted.
"""

from __future__ import annotations

import json
import lzma
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from anabranch.connectors.ids import RecordId
from anabranch.errors import ConfigurationError

__all__ = ["STREAM", "Dataset", "Event", "check_file", "group_of", "load_dataset", "record_id", "scope_of"]

STREAM = "training-logs"
_TIME_MS = re.compile(rb'"time_ms":\s*(-?\d+)')
# Fields that the replay adds to each event; of two values jobs would read the event's own.
_ADDED = ("run", "seq")
# What jobs read it as.
_BIGINT_DIGITS, _BIGINT = 20, range(-(2**63), 2**63)
_TOO_LARGE = "the event's time_ms does not fit into 64 bits"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the input.

    Attributes:
        line: Its number in the data file, from 0. The ledger's key.
        run: Run id.
        sequence: Its position in its run, from 0.
        payload: The JSON that goes onto the stream, run and position included.
    """

    line: int
    run: str
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class Dataset:
    """The events of some whole groups of runs, in replay order."""

    events: list[Event]
    runs: dict[str, int]
    """Events of each run."""

    @property
    def groups(self) -> set[str]:
        """``submitter/system/benchmark`` of each run."""
        return {group_of(run) for run in self.runs}


def scope_of(run: str) -> str:
    """The scope of a run's supplied record ids."""
    return f"{STREAM}/{run}"


def record_id(run: str, sequence: int) -> RecordId:
    """The id of one event: the same however often and by whomever it is replayed."""
    return RecordId.supplied(scope_of(run), sequence)


def group_of(run: str) -> str:
    """The group that a run counts for: its id without the last part."""
    return run.rpartition("/")[0]


def check_file(path: Path) -> None:
    """Looks at the first line only, before anything is started for the file.

    Raises:
        ConfigurationError: It is missing, or its first line has not the form.
    """
    payload = _split(next(_lines(path)), path, 0)[1]
    _time_ms(payload, path, 0)
    _check_event(payload, path, 0)


def load_dataset(path: Path, *, limit: int | None = None, seed: int = 0, known_good: bool = False) -> Dataset:
    """Reads a data file, plain or xz, into replay order.

    Args:
        path: The file.
        limit: At least how many events to take. Whole groups are taken, in an order drawn from ``seed``,
            until there are that many, so that every score stays comparable.
        seed: See ``limit``.
        known_good: Each event is one that jobs can read. Of the shipped file this is so, and to see it anew
            would make reading it a third longer.

    Raises:
        ConfigurationError: The file is missing or a line has not the form; names the line.
    """
    timed: list[tuple[int, Event]] = []
    runs: dict[str, int] = {}
    first_ms: dict[str, int] = {}
    heads: dict[str, bytes] = {}
    for line, raw in enumerate(_lines(path)):
        run, payload = _split(raw, path, line)
        sequence = runs.get(run, 0)
        runs[run] = sequence + 1
        time_ms = _time_ms(payload, path, line)
        if not known_good:
            _check_event(payload, path, line)
        since_start = time_ms - first_ms.setdefault(run, time_ms)
        if run not in heads:
            heads[run] = b'{"run": %s, "seq": ' % json.dumps(run, ensure_ascii=False).encode()
        whole = b"%s%d, %s" % (heads[run], sequence, payload[1:])
        timed.append((since_start, Event(line, run, sequence, whole)))
    if limit is not None and limit < len(timed):
        chosen = _whole_groups(runs, limit, seed)
        runs = {run: count for run, count in runs.items() if run in chosen}
        timed = [entry for entry in timed if entry[1].run in chosen]
    timed.sort(key=lambda entry: entry[0])  # stable: the order within a run stays the log's
    return Dataset([event for _, event in timed], runs)


def _lines(path: Path) -> Iterator[bytes]:
    """At least one."""
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{path} is no regular file", hint="give one with --data FILE")
    if not path.is_file():
        raise ConfigurationError(f"no such data file: {path}", hint="give one with --data FILE")
    whole = 0
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
            for raw in file:
                yield raw.rstrip(b"\n")
                whole += 1
    except (lzma.LZMAError, EOFError, OSError) as error:
        raise ConfigurationError(
            f"cannot be read beyond line {whole}: {error}",
            where=str(path),
            hint="give a whole file, plain or compressed by xz (`xz --test FILE` checks one)",
        ) from error
    if whole == 0:
        raise ConfigurationError(f"{path} is empty", hint="see data/README.md")


def _split(raw: bytes, path: Path, line: int) -> tuple[str, bytes]:
    run, tab, payload = raw.partition(b"\t")
    if not tab or not payload.startswith(b"{") or b'"' in run:
        raise ConfigurationError(
            "not of the form 'run id TAB {json}'", where=f"{path}:{line + 1}", hint="see data/README.md"
        )
    try:
        return run.decode(), payload
    except UnicodeDecodeError:
        raise ConfigurationError("the run id is not UTF-8 text", where=f"{path}:{line + 1}") from None


def _time_ms(payload: bytes, path: Path, line: int) -> int:
    match = _TIME_MS.search(payload)
    if match is None:
        raise ConfigurationError("the event's time_ms is missing", where=f"{path}:{line + 1}")
    if len(match[1]) > _BIGINT_DIGITS or (time_ms := int(match[1])) not in _BIGINT:
        raise ConfigurationError(_TOO_LARGE, where=f"{path}:{line + 1}")
    return time_ms


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


# As jobs read it: Python alone takes NaN and Infinity.
_JSON = json.JSONDecoder(parse_constant=_no_number)


def _check_event(payload: bytes, path: Path, line: int) -> None:
    """What no job can read would become a dead letter, and be told as a record that the pipeline lost."""
    try:
        event = _JSON.decode(payload.decode())
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"the event is not JSON: {error}", where=f"{path}:{line + 1}", hint="see data/README.md"
        ) from None
    if taken := [key for key in _ADDED if key in event]:
        raise ConfigurationError(
            f"the event has a field '{taken[0]}', which the replay adds itself",
            where=f"{path}:{line + 1}",
            hint="give the field another name",
        )
    if type(event.get("time_ms")) is not int:
        told = "is no whole number" if "time_ms" in event else "is missing"
        raise ConfigurationError(f"the event's time_ms {told}", where=f"{path}:{line + 1}")
    if event["time_ms"] not in _BIGINT:
        raise ConfigurationError(_TOO_LARGE, where=f"{path}:{line + 1}")


def _whole_groups(runs: dict[str, int], limit: int, seed: int) -> set[str]:
    by_group: dict[str, list[str]] = {}
    for run in runs:
        by_group.setdefault(group_of(run), []).append(run)
    order = sorted(by_group)
    random.Random(seed).shuffle(order)  # noqa: S311  (a choice of input, not a secret)
    chosen: set[str] = set()
    taken = 0
    for group in order:
        if taken >= limit:
            break
        chosen.update(by_group[group])
        taken += sum(runs[run] for run in by_group[group])
    return chosen
