"""SQL expressions that are easy to get wrong: the first and the last of something, in any arrival order."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["first_by", "last_by"]

# Decimal digits of the largest BIGINT: so wide that comparing the text compares the numbers.
_WIDTH = 19


def first_by(value: str, order: Sequence[str]) -> str:
    """The first of the values that are not null, by ``order``, as an aggregate.

    It does not depend on the order of arrival, needs no window and no join, can be computed in two
    phases, and gives text: cast it where a number is meant.

    Args:
        value: An expression that gives text, or null where a row does not count.
        order: Expressions that give integers ≥ 0; one that is null takes its row out.
    """
    return _extreme("MIN", value, order)


def last_by(value: str, order: Sequence[str]) -> str:
    """The last of the values that are not null, by ``order``; all else as :func:`first_by`."""
    return _extreme("MAX", value, order)


def _extreme(aggregate: str, value: str, order: Sequence[str]) -> str:
    keys = "".join(f"LPAD(CAST({key} AS STRING), {_WIDTH}, '0') || " for key in order)
    # Most rows have no value, as a rule: their keys need not be written as text.
    marked = f"CASE WHEN {value} IS NOT NULL THEN {keys}{value} END"
    return f"SUBSTRING({aggregate}({marked}) FROM {_WIDTH * len(order) + 1})"
