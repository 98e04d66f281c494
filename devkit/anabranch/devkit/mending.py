"""Mends some dead letters and replays them: twice under the same ids, so that they are counted once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from anabranch.connectors.dead_letters import DEGRADED, DeadLetter, read_dead_letters
from anabranch.connectors.ids import RecordId
from anabranch.connectors.replay import Replayed, replay
from anabranch.devkit.dataset import record_id
from anabranch.devkit.ledger import content_hash
from anabranch.devkit.loop import Loop
from anabranch.devkit.planted import Planted

__all__ = ["mend_and_replay"]

_MENDED_SHARE = 0.2
_APPEAR_WITHIN_S = 60.0


def mend_and_replay(
    loop: Loop,
    planted: list[Planted],
    tell: Callable[[str], None],
) -> tuple[dict[int, int], list[str]]:
    """Waits for the dead letters of some planted records, and replays these as they should have been.

    Returns:
        Content hash, by input line, of what was to be replayed; and what no primary took, in words.
    """
    chosen = planted[: max(1, int(len(planted) * _MENDED_SHARE))]
    wanted = {record_id(bad.event.run, bad.event.sequence): bad for bad in chosen}
    letters = _await_letters(str(loop.topology_path), wanted)
    mended = {letter.record_id: wanted[letter.record_id].mended for letter in letters}
    unsent: list[str] = []
    for number in (1, 2):
        result = replay(str(loop.topology_path), letters, mended=mended)
        unsent += [f"mended record {text}, time {number}" for text in _unsent(result, wanted)]
    tell(f"{len(letters)} dead letters mended and replayed, twice")
    hashes = {wanted[identity].event.line: content_hash(value) for identity, value in mended.items()}
    return hashes, unsent


def _unsent(result: Replayed, wanted: Mapping[RecordId, Planted]) -> list[str]:
    reasons = {**result.failed, **result.skipped}
    return [f"{wanted[identity].event.line} was not replayed: {why}" for identity, why in reasons.items()]


def _await_letters(topology: str, wanted: Mapping[RecordId, Planted]) -> list[DeadLetter]:
    """The letters of these records; those that do not appear in time are left to the verifier."""
    deadline = time.monotonic() + _APPEAR_WITHIN_S
    while True:
        letters = read_dead_letters(topology).letters
        found = {letter.record_id: letter for letter in letters if letter.reason != DEGRADED}
        if wanted.keys() <= found.keys() or time.monotonic() > deadline:
            return [letter for identity, letter in found.items() if identity in wanted]
        time.sleep(0.5)
