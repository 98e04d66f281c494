"""Which of Flink's options hold secrets: their values are not shown."""

from __future__ import annotations

__all__ = ["HIDDEN", "is_sensitive"]

HIDDEN = "******"

# As in Flink's GlobalConfiguration.SENSITIVE_KEYS, and what clients of Kafka and blob stores add.
_MARKS = (
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
    "credential",
)


def is_sensitive(key: str) -> bool:
    """Whether an option of this name holds a secret."""
    lowered = key.lower()
    return any(mark in lowered for mark in _MARKS)
