"""What scans the logs carries the loop's mark, so that nothing of a demo that was killed goes on reading."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from anabranch.devkit import process
from anabranch.devkit.process import MARK, Completed
from anabranch.devkit.scan import scan_primaries


def test_scans_carry_the_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks: list[str | None] = []

    def run(argv: list[str], *, timeout_s: float, mark: str | None) -> Completed:
        marks.append(mark)
        Path(argv[-1]).write_bytes(argv[-3].encode())
        return Completed(0, "")

    monkeypatch.setattr(process, "run", run)
    found = scan_primaries("t.yaml", ["a", "b"], "logs", tmp_path, mark="demo-1")
    assert found == {"a": b"a", "b": b"b"}
    assert marks == ["demo-1", "demo-1"]


def test_a_tool_has_the_mark_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, MARK, "outer")
    argv = [sys.executable, "-c", f"import os; print(os.environ.get({MARK!r}))"]
    assert process.run(argv, timeout_s=30, mark="demo-1").output == "demo-1\n"
    assert process.run(argv, timeout_s=30).output == "outer\n"
