"""The nemesis: plans are drawn from a seed, and a primary that is killed has written something twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from anabranch.devkit import nemesis
from anabranch.devkit.loop import Loop
from anabranch.devkit.nemesis import FaultKind, FaultPlan, Nemesis, plan_fault


@dataclass
class Scene:
    """A loop of one broker that writes down what is done to it, and acknowledges while it runs."""

    done: list[str] = field(default_factory=list)
    acked: int = 0
    running: bool = True

    def broker(self, name: str) -> Scene:
        return self

    def pause(self) -> None:
        self.running = False
        self.done.append("pause")

    def resume(self) -> None:
        self.running = True
        self.done.append("resume")

    def kill(self) -> None:
        self.done.append("kill")

    def restart(self) -> None:
        self.done.append("restart")

    def acknowledged(self) -> dict[str, int]:
        self.acked += 150 if self.running else 0
        return {"a": self.acked}

    def run(self, plan: FaultPlan) -> None:
        Nemesis(
            plan,
            cast(Loop, self),
            acknowledged=self.acknowledged,
            before_blow=lambda: self.done.append(f"look at {self.acked}"),
            tell=lambda text: None,
        ).run()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nemesis, "_LOOK_EVERY_S", 0.001)


def test_a_primary_stalls_and_acknowledges_again_before_it_is_killed() -> None:
    scene = Scene()
    scene.run(FaultPlan(FaultKind.KILL, "a", 0.3, 0.0, 0.001))
    assert scene.done == ["pause", "resume", "look at 450", "kill", "restart"]


def test_one_that_does_not_acknowledge_again_is_killed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nemesis, "_SWING_WITHIN_S", 0.01)
    monkeypatch.setattr(Scene, "acknowledged", lambda self: {})
    scene = Scene()
    scene.run(FaultPlan(FaultKind.KILL, "a", 0.3, 0.0, 0.001))
    assert scene.done == ["pause", "resume", "look at 0", "kill", "restart"]


def test_a_pause_is_looked_at_just_before_it() -> None:
    scene = Scene()
    scene.run(FaultPlan(FaultKind.PAUSE, "a", 0.3, 0.0))
    assert scene.done == ["look at 0", "pause", "resume"]


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
