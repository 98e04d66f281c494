"""The one tree of errors that anabranch raises.

::

    AnabranchError
    ├── ConfigurationError      what the user wrote is wrong: file, line, what would be valid
    │   └── TopologyError       a topology document that is invalid or may not be published
    ├── UnavailableError        something outside does not answer; trying again later can help
    │   └── DeliveryError       a record was not acknowledged in time
    ├── EnvironmentMissingError a program, port or package of this machine is missing or taken
    └── JobError                a job failed; carries the user's own frame and the path of the full trace

Each error says what happened, where, and what to do next, in at most one screen.
"""

from __future__ import annotations

__all__ = [
    "AnabranchError",
    "ConfigurationError",
    "DeliveryError",
    "EnvironmentMissingError",
    "JobError",
    "TopologyError",
    "UnavailableError",
]


class AnabranchError(Exception):
    """Base of all errors that anabranch raises on purpose.

    Args:
        message: What happened, one line.
        where: File and line, primary, stream or step that it happened in.
        hint: What to do next.

    Attributes:
        retryable: Whether the same call may succeed later without any change.
    """

    retryable = False

    def __init__(self, message: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.hint:
            lines.append(f"  next: {self.hint}")
        return "\n".join(lines)


class ConfigurationError(AnabranchError):
    """What the user wrote is wrong."""


class TopologyError(ConfigurationError):
    """A topology document is invalid, or a guard refuses to publish it."""


class UnavailableError(AnabranchError):
    """Something outside this process does not answer; trying again later can help."""

    retryable = True


class DeliveryError(UnavailableError):
    """A record was not acknowledged by enough primaries in time."""


class EnvironmentMissingError(AnabranchError):
    """A program, port or package that is needed on this machine is missing or taken."""


class JobError(AnabranchError):
    """A job failed, in user code or in the engine."""
