"""What the job archives, and that it says nothing of where: that is its environment's business."""

from __future__ import annotations

from pathlib import Path

from anabranch.pipelines.testing import load


def test_the_training_logs_are_archived_with_all_their_copies() -> None:
    (archive,) = load(Path(__file__).parent)().archives
    assert archive.stream == "training-logs"
    assert archive.to is None
    assert archive.options["dedup"] == "false"
