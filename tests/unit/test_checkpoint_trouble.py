"""What a run says of checkpoints that fail while the job goes on."""

from __future__ import annotations

from typing import Any

import pytest

from anabranch.pipelines.checkpoint_trouble import CheckpointTrouble, newest_failure

ASYNC = "Asynchronous task checkpoint failed"


def checkpoints(failed: tuple[int, str] | None, completed: int | None) -> dict[str, Any]:
    """As Flink's API tells of them."""
    return {
        "latest": {
            "failed": None if failed is None else {"id": failed[0], "failure_message": failed[1]},
            "completed": None if completed is None else {"id": completed},
        }
    }


@pytest.mark.parametrize(
    ("failed", "completed", "failure"),
    [
        (None, None, None),
        (None, 3, None),
        ((4, f"{ASYNC}."), 3, ASYNC),
        ((1, f"{ASYNC}."), None, ASYNC),
        ((3, f"{ASYNC}."), 4, None),
        ((4, "Checkpoint expired before completing."), 3, "Checkpoint expired before completing"),
        # A job that restarts is told of already, and so is one that was just being started.
        ((4, "Task has failed."), 3, None),
        ((4, "Checkpoint Coordinator is suspending."), 3, None),
        ((4, "Checkpoint was declined (tasks not ready)"), 3, None),
    ],
)
def test_only_what_is_wrong_with_the_newest_one_itself(
    failed: tuple[int, str] | None, completed: int | None, failure: str | None
) -> None:
    assert newest_failure(checkpoints(failed, completed)) == failure


def test_an_outage_of_storage_is_told_once_and_so_is_its_end() -> None:
    trouble = CheckpointTrouble()
    looks = [(None, 3, 0.0), (ASYNC, 3, 10.0), (ASYNC, 3, 50.0), (None, 4, 75.0), (None, 5, 80.0)]
    assert [line for look in looks if (line := trouble.look(*look)) is not None] == [
        f"a checkpoint failed: {ASYNC}; the job goes on, and still has the last that is complete: "
        "Flink's log says why",
        "checkpoints complete again, after 65 s",
    ]


def test_it_says_that_there_is_none_yet() -> None:
    line = CheckpointTrouble().look(ASYNC, 0, 1.0)
    assert line == f"a checkpoint failed: {ASYNC}; the job goes on, without any: Flink's log says why"
