"""Jobs: typed records in, typed records out, with safe defaults."""

from __future__ import annotations

__all__: list[str] = []
