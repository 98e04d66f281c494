"""What is said on stderr of primaries that a command waits for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from anabranch.connectors.readers import UnionReader

__all__ = ["AwayLines"]


class AwayLines:
    """One line for each primary that cannot be read, one when it can again, and one for each news of it."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def tell(self, reader: UnionReader) -> None:
        """To be called a few times a second."""
        for name, text in reader.news():
            click.echo(f"primary {name}: {text}", err=True)
        problems = reader.problems()
        for name, problem in problems.items():
            if name not in self._told:
                left_s = reader.left_s(name)
                limit = "" if math.isinf(left_s) else f" for {left_s:.0f} s"
                click.echo(f"primary {name}: {problem}; trying again{limit}", err=True)
        for name in self._told:
            if name not in problems:
                what = "answers again" if name in reader.primaries else "no longer in the topology"
                click.echo(f"primary {name}: {what}", err=True)
        self._told = problems
