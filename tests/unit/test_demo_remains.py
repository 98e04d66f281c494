"""A demo that was killed leaves nothing behind for good, and nothing of one that runs is touched."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anabranch.devkit import process
from anabranch.devkit.demo_jobs import DemoJobs
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.process import Completed, ProcessRef
from anabranch.devkit.state import exclusive, loops_home, write_json

GONE = ProcessRef(2**22 + 1, 1)  # beyond the highest pid that Linux gives


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def loop_on_disk(name: str, phase: str, owner: ProcessRef) -> Path:
    folder = loops_home() / name
    state = {"phase": phase, "mark": f"{name}-x", "spec": asdict(LoopSpec(name=name)), "owner": asdict(owner)}
    write_json(folder / "loop.json", state)
    (folder / "demo").mkdir()
    (folder / "demo" / "0.shard").write_text("scratch")
    return folder


def test_remains_of_killed_demos_go_and_nothing_else() -> None:
    killed = [
        loop_on_disk("demo-1", "attached", GONE),
        loop_on_disk("demo-2", "starting", GONE),
        loop_on_disk("demo-3", "down", GONE),
    ]
    running = [
        loop_on_disk("demo-4", "attached", process.self_ref()),
        loop_on_disk("demo-5", "detached", GONE),
        loop_on_disk("demo-mine", "down", GONE),
        loop_on_disk("default", "down", GONE),
    ]
    starting = loop_on_disk("demo-6", "starting", process.self_ref())
    with exclusive(loops_home() / ".demo-6.lock", timeout_s=0, what="a start", stays=False):
        Loop.clear_ended("demo-[0-9]*")
    assert [folder for folder in killed if folder.exists()] == []
    assert all((folder / "demo" / "0.shard").exists() for folder in [*running, starting])


def test_what_submits_the_jobs_ends_with_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks: list[str | None] = []

    def run(*_: object, mark: str | None = None, **__: Any) -> Completed:
        marks.append(mark)
        return Completed(0, "")

    monkeypatch.setattr(process, "run", run)
    flink = SimpleNamespace(rest_address="localhost", rest_port=1, checkpoints="file:///c")
    loop = cast("Loop", SimpleNamespace(flink=flink, topology_path=tmp_path / "t.yaml", mark="demo-1-x"))
    DemoJobs(loop, tmp_path, sabotage="none")._submit("training-logs", lambda _: None)
    assert marks == ["demo-1-x"]
