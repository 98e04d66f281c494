"""The report of a run on a disk that is full."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anabranch.devkit import demo


def test_a_full_disk_costs_the_report_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(demo, "write_report", full)
    told: list[str] = []
    spec = SimpleNamespace(report=tmp_path / "r.html", fault="kill", primaries=2, seed=0, command="x")
    stage: Any = SimpleNamespace(spec=spec, tell=told.append)
    gathered: Any = SimpleNamespace(
        holdings=SimpleNamespace(destinations={}),
        evidence=SimpleNamespace(official_scores={}, emitted_scores={}),
    )
    nothing: Any = None
    assert demo._report(stage, nothing, gathered, nothing) is None
    assert told == [f"the report cannot be written: {spec.report}: No space left on device"]
