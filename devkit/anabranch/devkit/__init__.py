"""Local clusters, faults, the ledger, the verifier and the demo."""

from __future__ import annotations

__all__: list[str] = []
