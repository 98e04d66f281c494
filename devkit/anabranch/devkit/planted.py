"""Bad records that the demo plants among the good ones, and what some of them should have been.

Each kind is undecodable in its own way. All belong to the run ``planted/bad-records``, so that the ones that
are mended and replayed are counted under it, and can be held against what was planted.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

from anabranch.devkit.dataset import Event

__all__ = ["RUN", "Planted", "plant"]

# What a dead letter must say of each kind, as docs/sql.md has it.
_REASONS = {
    "truncated": "malformed",
    "wrong-type": "wrong-type",
    "not-a-number": "malformed",
    "wrong-encoding": "wrong-encoding",
    "too-large": "too-large",
}

RUN = "planted/bad-records"
# 2 MB is beyond what one record may have (1 MiB by default), yet brokers that take it exist.
_LARGE_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Planted:
    """One bad record.

    Attributes:
        event: As it is sent; undecodable.
        kind: What is wrong with it.
        mended: The payload that it should have had.
    """

    event: Event
    kind: str
    mended: bytes

    @property
    def reason(self) -> str:
        """What its dead letters must give as the reason."""
        return _REASONS[self.kind]


def plant(first_line: int, count: int, seed: int) -> list[Planted]:
    """Makes bad records of every kind in turn.

    Args:
        first_line: Input line number of the first one, beyond those of the data file.
        count: How many; every 50th is a large one, so that their bytes stay few.
        seed: Draws what differs between two of a kind.
    """
    rng = random.Random(seed)  # noqa: S311  (a choice of input, not a secret)
    return [_bad(first_line + i, i, kind, rng) for i, kind in zip(range(count), _kinds(), strict=False)]


def _kinds() -> Iterator[str]:
    position = 0
    while True:
        position += 1
        if position % 50 == 0:
            yield "too-large"
        else:
            yield ("truncated", "wrong-type", "not-a-number", "wrong-encoding")[position % 4]


def _bad(line: int, sequence: int, kind: str, rng: random.Random) -> Planted:
    good = {
        "run": RUN,
        "seq": sequence,
        "time_ms": 1_715_000_000_000 + sequence,
        "event_type": "POINT_IN_TIME",
        "key": "planted",
        "value": rng.random(),
        "metadata": {"kind": kind},
    }
    mended = json.dumps(good).encode()
    return Planted(Event(line, RUN, sequence, _spoil(good, mended, kind, rng)), kind, mended)


def _spoil(good: dict[str, object], mended: bytes, kind: str, rng: random.Random) -> bytes:
    if kind == "truncated":
        return mended[: rng.randrange(1, len(mended) - 1)]
    if kind == "wrong-type":
        return json.dumps({**good, "time_ms": {"not": "a number"}}).encode()
    if kind == "not-a-number":
        return json.dumps({**good, "time_ms": float("nan")}).encode()
    if kind == "wrong-encoding":
        return mended.replace(b"POINT_IN_TIME", b"POINT\xff\xfeTIME")
    return json.dumps({**good, "value": "x" * _LARGE_BYTES}).encode()
