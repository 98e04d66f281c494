"""Union source, Prism, ids and dead letters: what a pipeline reads with and writes to."""

from __future__ import annotations

__all__: list[str] = []
