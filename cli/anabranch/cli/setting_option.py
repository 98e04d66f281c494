"""An option that stands for one of a job's settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

__all__ = ["SettingOption"]


class SettingOption(click.Option):
    """Shows the variable and the default of its setting, which click does not know.

    They are not click's own, since the file stands between them: a value that click took for the option
    would win over it. Nor are they asked of the settings' model: to import it takes longer than the help.

    Args:
        declarations: As of any option; its parameter is the setting's path, parts joined by ``__``.
        otherwise: The default, as shown; None: there is none.
        **attributes: As of any option.
    """

    def __init__(
        self, declarations: Sequence[str], *, otherwise: str | None = None, **attributes: Any
    ) -> None:
        super().__init__(declarations, **attributes)
        self.otherwise = otherwise

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """What click shows, with both in its brackets."""
        record = super().get_help_record(ctx)
        if record is None or self.name is None:
            return record
        text, _, known = record[1].partition("  [")
        told = [f"env var: ANABRANCH_{self.name.replace('__', '_').upper()}"]
        told += [f"default: {self.otherwise}"] if self.otherwise is not None else []
        told += [known.removesuffix("]")] if known else []
        return record[0], f"{text}  [{'; '.join(told)}]"
