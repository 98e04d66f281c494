"""The nemesis: plans are drawn from a seed, and a primary that is killed has written something twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from anabranch.devkit import nemesis
from anabranch.devkit.demo_replay import Replay
from anabranch.devkit.loop import Loop
from anabranch.devkit.nemesis import FaultKind, FaultPlan, Nemesis, plan_fault
from anabranch.devkit.replay import Progress


@dataclass
class Reader:
    """A TaskManager."""

    done: list[str]

    def pause(self) -> None:
        self.done.append("freeze")

    def resume(self) -> None:
        self.done.append("thaw")


@dataclass
class Scene:
    """A loop of one broker and a replay: writes down what is done to them, acknowledges while it runs."""

    done: list[str] = field(default_factory=list)
    acked: int = 0
    running: bool = True
    step: int = 150
    total: int = 1_000_000

    @property
    def flink(self) -> Scene:
        return self

    @property
    def task_managers(self) -> list[Reader]:
        return [Reader(self.done)]

    @property
    def progress(self) -> Progress:
        self.acked = min(self.acked + self.step, self.total) if self.running else self.acked
        return Progress(sent=self.acked, acknowledged={"a": self.acked})

    def broker(self, name: str) -> Scene:
        return self

    def pause(self) -> None:
        self.running = False
        self.done.append("pause")

    def resume(self) -> None:
        self.running = True
        self.done.append(f"resume at {self.acked}")

    def kill(self) -> None:
        self.done.append(f"kill at {self.acked}")

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: self.done.append(name)

    def run(self, plan: FaultPlan) -> list[str]:
        loop, replay = cast(Loop, self), cast(Replay, self)
        Nemesis(plan, loop, replay, look=lambda: self.done.append("look"), tell=lambda text: None).run()
        return self.done


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nemesis, "_LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(nemesis, "_FROZEN_S", 0.001)


def test_a_primary_stalls_and_acknowledges_again_before_it_is_killed() -> None:
    done = Scene().run(FaultPlan(FaultKind.KILL, "a", 0.3, 0.0, 0.001))
    assert done == ["pause", "resume at 0", "freeze", "kill at 450", "thaw", "look", "restart"]


@pytest.mark.parametrize("total", [60, 200, 600])
def test_of_a_small_input_much_is_still_to_be_written_when_a_primary_is_killed(total: int) -> None:
    scene = Scene(step=3, acked=total // 3, total=total)
    scene.run(FaultPlan(FaultKind.KILL, "a", 0.3, 0.0, 0.001))
    [killed] = [text for text in scene.done if text.startswith("kill")]
    assert total / 3 + 10 < int(killed.split()[-1]) < total * 2 / 3


def test_one_that_does_not_acknowledge_again_is_killed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nemesis, "_SWING_WITHIN_S", 0.01)
    scene = Scene()
    monkeypatch.setattr(Scene, "progress", Progress())
    done = scene.run(FaultPlan(FaultKind.WIPE, "a", 0.3, 0.0, 0.001))
    assert done == ["pause", "resume at 0", "freeze", "kill at 0", "thaw", "look", "wipe"]


def test_a_paused_primary_is_looked_at_while_it_is_away() -> None:
    done = Scene().run(FaultPlan(FaultKind.PAUSE, "a", 0.3, 0.0))
    assert done == ["freeze", "pause", "thaw", "look", "resume at 0"]


def test_a_task_manager_is_looked_at_before_it_dies() -> None:
    done = Scene().run(FaultPlan(FaultKind.TASKMANAGER, "1", 0.3, 0.0))
    assert done == ["look", "kill_task_manager", "start_task_manager"]


def test_readers_are_thawed_when_the_blow_fails() -> None:
    scene = Scene()
    scene.kill = lambda: 1 / 0  # type: ignore[assignment,method-assign]
    with pytest.raises(ZeroDivisionError):
        scene.run(FaultPlan(FaultKind.KILL, "a", 0.3, 0.0))
    assert scene.done == ["freeze", "thaw"]


@pytest.mark.parametrize("kind", FaultKind)
def test_a_seed_draws_the_whole_plan(kind: FaultKind) -> None:
    plans = [plan_fault(kind, ["a", "b", "c"], 2, seed) for seed in range(50)]
    assert plans == [plan_fault(kind, ["a", "b", "c"], 2, seed) for seed in range(50)]
    assert len(set(plans)) == 50
    assert {plan.victim for plan in plans} == ({"0", "1"} if kind is FaultKind.TASKMANAGER else set("abc"))
    stalls = [plan.stall_s for plan in plans]
    if kind in (FaultKind.KILL, FaultKind.WIPE):
        assert min(stalls) > 0.5, "longer than the producers' hedge"
    else:
        assert stalls == [0.0] * 50
