"""Mending tells what was not replayed: else the verifier would take it for a loss, or not miss it at all."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anabranch.connectors.dead_letters import DeadLetter, Letters
from anabranch.connectors.replay import Replayed
from anabranch.devkit import mending
from anabranch.devkit.dataset import record_id
from anabranch.devkit.ledger import content_hash
from anabranch.devkit.loop import Loop
from anabranch.devkit.planted import plant


def test_mended_record_that_no_primary_took_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = plant(100, 10, seed=1)
    ids = [record_id(bad.event.run, bad.event.sequence) for bad in planted[:2]]
    letters = [
        DeadLetter.refused("training-logs", identity, b"bad", reason="malformed", detail="")
        for identity in ids
    ]
    monkeypatch.setattr(mending, "read_dead_letters", lambda *_: Letters(letters, 0, {}))
    outcomes = iter([Replayed(sent=ids), Replayed(sent=ids[:1], failed={ids[1]: "no primary"})])

    def replay(*_: object, **__: Any) -> Replayed:
        return next(outcomes)

    monkeypatch.setattr(mending, "replay", replay)
    loop = cast("Loop", SimpleNamespace(topology_path=Path("t.yaml")))

    mended, unsent = mending.mend_and_replay(loop, planted, lambda _: None)

    assert mended == {bad.event.line: content_hash(bad.mended) for bad in planted[:2]}
    assert unsent == ["mended record 101 was not replayed: no primary, time 2"]
