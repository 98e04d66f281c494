"""The topology document: models, stores, guards and typed auth."""

from __future__ import annotations

__all__: list[str] = []
