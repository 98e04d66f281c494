"""Telling a failure that is there to stay from one that a restart mends."""

from __future__ import annotations

from anabranch.pipelines.traces import user_frame

__all__ = ["BAD_RECORD", "PATIENCE", "Streak", "lacks_state", "why_certain"]

BAD_RECORD = "FailJob$BadRecordException"
"""Of the JVM: a record that cannot be decoded, where there is no stream of dead letters."""

# A user's line may fail by chance, because of something outside: three in a row, with nothing completed
# between them, are no chance.
PATIENCE = 3


# Of Flink, where a task gets its state back, and of the JVM within that.
_RESTORE = "Exception while creating StreamOperatorStateContext"
_ABSENT = "java.io.FileNotFoundException: "


def lacks_state(trace: str) -> bool:
    """Whether a task did not find a file of the checkpoint that it was to start from."""
    return _RESTORE in trace and _ABSENT in trace


def why_certain(trace: str) -> str | None:
    """Why each restart would fail likewise, if it would: what a failure is about may be there to stay."""
    if BAD_RECORD in trace:
        return "each restart would fail at that record, too"
    return "each restart would miss that file of the checkpoint, too" if lacks_state(trace) else None


class Streak:
    """Failures in a row at one line of user code, without a checkpoint completed in between.

    A cluster restarts a job for ever, which is right for a broker or a machine that comes back and wrong
    for a line that fails on the same record each time.
    """

    def __init__(self) -> None:
        self._at: tuple[str, int] | None = None
        self._length = 0

    def add(self, trace: str, checkpoints: int) -> bool:
        """Counts a failure.

        Args:
            trace: Of the failure.
            checkpoints: Completed so far.

        Returns:
            Whether to give up.
        """
        line = user_frame(trace)
        at = None if line is None else (line, checkpoints)
        self._length = self._length + 1 if at is not None and at == self._at else int(at is not None)
        self._at = at
        return self._length >= PATIENCE
