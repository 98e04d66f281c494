"""A job that does not fit on its cluster is told so before it is submitted."""

from __future__ import annotations

import time
from typing import Any

import pytest

from anabranch.errors import UnavailableError
from anabranch.pipelines import slots
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.settings import Settings

JOBS = {
    "jobs": [
        {"jid": "ab" * 16, "name": "other", "state": "RUNNING"},
        {"jid": "cd" * 16, "name": "old", "state": "FINISHED"},
    ]
}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a cluster with one of two slots free answers, by path."""
    answers: dict[str, Any] = {
        "/overview": {"slots-available": 1, "slots-total": 2},
        "/jobs/overview": JOBS,
        "/jobmanager/config": [{"key": "rest.port", "value": "1"}],
    }
    monkeypatch.setattr(RestClient, "get", lambda self, path: answers[path])
    monkeypatch.setattr(slots, "_FREED_S", 0.0)
    return answers


@pytest.mark.usefixtures("cluster")
def test_needed_and_free_and_who_has_the_others_are_told() -> None:
    slots.check_slots("here:1", 1)
    with pytest.raises(UnavailableError) as caught:
        slots.check_slots("here:1", 2)
    assert caught.value.message == (
        f"the job needs 2 slots, 1 of 2 are free; there runs: other ({'ab' * 16})"
    )
    assert caught.value.where == "--cluster here:1"
    assert "--parallelism" in str(caught.value.hint)


def test_slots_that_are_just_freed_are_waited_for(
    cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "_FREED_S", 10.0)
    monkeypatch.setattr(time, "sleep", lambda seconds: cluster["/overview"].update({"slots-available": 2}))
    slots.check_slots("here:1", 2)


def test_slots_of_jobs_that_nobody_knows_any_more_are_waited_for(
    cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster["/jobs/overview"] = {"jobs": []}
    monkeypatch.setattr(time, "sleep", lambda seconds: cluster["/overview"].update({"slots-available": 2}))
    slots.check_slots("here:1", 2)
    with pytest.raises(UnavailableError, match="there runs: no job"):
        slots.check_slots("here:1", 3)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kubernetes.cluster-id", "c"),
        ("execution.target", "yarn-session"),
        ("jobmanager.scheduler", "Adaptive"),
        ("scheduler-mode", "reactive"),
    ],
)
def test_a_cluster_that_makes_room_by_itself_is_left_to_it(
    cluster: dict[str, Any], key: str, value: str
) -> None:
    cluster["/jobmanager/config"] = [{"key": key, "value": value}]
    slots.check_slots("here:1", 9)


def test_what_wins_over_the_parallelism_counts() -> None:
    assert slots.needed_slots(Settings(parallelism=3)) == 3
    assert slots.needed_slots(Settings(parallelism=3, flink={"parallelism.default": 5})) == 5
