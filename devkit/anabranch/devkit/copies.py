"""How many copies of a record a number of primaries can hold."""

from __future__ import annotations

from anabranch.errors import ConfigurationError

__all__ = ["check_copies"]


def check_copies(copies: int, primaries: int) -> None:
    """Refuses copies that could never all be acknowledged: no primary holds two of one record.

    In a module of its own, so that a command can ask before it imports what starts brokers.

    Args:
        copies: How many primaries must acknowledge a record.
        primaries: How many there are.

    Raises:
        ConfigurationError: There are too few primaries, or no copy is wanted.
    """
    if not 1 <= copies <= primaries:
        raise ConfigurationError(
            f"{copies} copies on {primaries} primaries are not possible",
            hint=f"use 1 to {primaries} copies, or more primaries",
        )
