"""For how long a Flink has not answered, and what is said of it."""

from __future__ import annotations

__all__ = ["HEARTBEAT_S", "Silence"]

# Silence for longer looks like a run that hangs.
HEARTBEAT_S = 15.0
# A JobManager that is busy answers within seconds, and one with a standby takes up to a minute to come back.
# Flink's own client gives up a job after about as long.
_UNANSWERED_S = 5.0
_GIVE_UP_S = 60.0


class Silence:
    """Tells each change once, and that it goes on.

    Args:
        is_cluster: It is another process. One in this process ends with it, and may be busy with an
            ending job.

    Attributes:
        is_told: It was said that the cluster does not answer, and not yet that it does again.
    """

    def __init__(self, *, is_cluster: bool) -> None:
        self._is_cluster = is_cluster
        self._since_s: float | None = None
        self.is_told = False

    def answered(self) -> str | None:
        """Flink has answered; what is to be said of it, if anything."""
        was_told = self.is_told
        self._since_s, self.is_told = None, False
        return "the cluster answers again" if was_told else None

    def unanswered(self, reason: str, now_s: float, untold_s: float) -> str | None:
        """It has not; what is to be said of it, if anything.

        Args:
            reason: Who does not answer, and why.
            now_s: Of a clock that only goes forward, seconds.
            untold_s: For how long nothing at all was said, seconds.
        """
        self._since_s = now_s if self._since_s is None else self._since_s
        silent_s = now_s - self._since_s
        if self._is_cluster and silent_s >= _UNANSWERED_S and not self.is_told:
            self.is_told = True
            return f"{reason}; waiting for {_GIVE_UP_S - silent_s:.0f} s"
        if min(silent_s, untold_s) >= HEARTBEAT_S:
            return f"no word from Flink for {silent_s:.0f} s; waiting"
        return None

    def is_final(self, now_s: float) -> bool:
        """Whether nobody should wait any longer."""
        return self._is_cluster and self._since_s is not None and now_s - self._since_s >= _GIVE_UP_S
