"""Checkpoints that fail, which ends no job for a while: what a run says of it."""

from __future__ import annotations

from typing import Any

__all__ = ["CheckpointTrouble", "newest_failure"]

# Flink's words for what is wrong with a checkpoint itself, the same that it counts before it fails a job.
# Others are of a job that fails, restarts or ends, which is told already.
_OWN_FAILURES = (
    "Asynchronous task checkpoint failed",
    "Checkpoint expired before completing",
    "Checkpoint was declined.",
    "Failure to finalize checkpoint",
    "Trigger checkpoint failure",
)


def newest_failure(checkpoints: dict[str, Any]) -> str | None:
    """Why the newest checkpoint failed, in Flink's words; None where a newer one is complete.

    Args:
        checkpoints: As Flink's API tells of them.
    """
    failed, completed = (checkpoints["latest"][kind] for kind in ("failed", "completed"))
    if failed is None or (completed is not None and completed["id"] > failed["id"]):
        return None
    message = str(failed.get("failure_message"))
    return message.rstrip(".") if message.startswith(_OWN_FAILURES) else None


class CheckpointTrouble:
    """Tells once that checkpoints fail, and that they complete again."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def look(self, failure: str | None, completed: int, now_s: float) -> str | None:
        """What is to be said, if anything.

        Args:
            failure: Why the newest checkpoint failed; None where it did not.
            completed: How many there are.
            now_s: Of a clock that only goes forward, seconds.
        """
        if failure is not None and self._since_s is None:
            self._since_s = now_s
            last = "goes on, and still has the last that is complete" if completed else "goes on, without any"
            return f"a checkpoint failed: {failure}; the job {last}: Flink's log says why"
        if failure is None and self._since_s is not None:
            since_s, self._since_s = self._since_s, None
            return f"checkpoints complete again, after {now_s - since_s:.0f} s"
        return None
