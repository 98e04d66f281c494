"""How an option's value is shown: not at all where it is a secret."""

from __future__ import annotations

from anabranch.topology.store import public_text

__all__ = ["HIDDEN", "is_sensitive", "told"]

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
# An error is one screen at most, and may hold eight values.
_SHOWN = 80


def is_sensitive(key: str) -> bool:
    """Whether an option of this name holds a secret."""
    lowered = key.lower()
    return any(mark in lowered for mark in _MARKS)


def told(key: str, value: object) -> str:
    """What an error shows of an option's value: nothing of a secret, of anything else no more than a line."""
    if is_sensitive(key):
        return HIDDEN
    try:
        text = public_text(repr(value))
    except ValueError:  # Python writes no number of more than some thousand digits
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
