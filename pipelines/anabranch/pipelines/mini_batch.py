"""Whether a plan's mini-batches end in time.

Flink's planner puts what ends a mini-batch between a source and the first operator above it. Where several
outputs share a source and nothing else, it finds no such place and says nothing: batches then end when they
are full, or at a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["untimely"]

_BATCHED = "LocalGroupAggregate"
_TIMER = "MiniBatchAssigner"


def untimely(operators: Callable[[], Iterable[str]], latency_s: float) -> str | None:
    """What to tell the user of a plan that has mini-batches which time does not end; None where all is well.

    Args:
        operators: Returns their names. Called only where there are mini-batches: Flink builds the job's whole
            graph to answer, and builds it anew when the job is submitted.
        latency_s: How long a mini-batch was to last at most; 0 where there are none.
    """
    if latency_s <= 0:
        return None
    names = list(operators())
    batched = any(name.startswith(_BATCHED) for name in names)
    if not batched or any(name.startswith(_TIMER) for name in names):
        return None
    return (
        f"mini_batch.latency_s ({latency_s:g} s) has no effect: several queries read one input directly, so "
        "results come at checkpoints; let them read one query over it that computes something"
    )
