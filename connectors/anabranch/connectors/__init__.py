"""Union source, Prism, ids and dead letters: what a pipeline reads with and writes to.

Names are loaded when they are first used, since each needs another client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anabranch.connectors.flink.streams import (
        ArchiveSink,
        PrismSink,
        UnionSource,
        dedup,
        latest_by_version,
    )
    from anabranch.connectors.ids import IdGenerator, RecordId
    from anabranch.connectors.prism import Ack, Delivery, PrismOptions, PrismProducer, ProducerStats

__all__ = [
    "Ack",
    "ArchiveSink",
    "Delivery",
    "IdGenerator",
    "PrismOptions",
    "PrismProducer",
    "PrismSink",
    "ProducerStats",
    "RecordId",
    "UnionSource",
    "dedup",
    "latest_by_version",
]

_HOME = {
    "Ack": "prism",
    "ArchiveSink": "flink.streams",
    "Delivery": "prism",
    "IdGenerator": "ids",
    "PrismOptions": "prism",
    "PrismProducer": "prism",
    "PrismSink": "flink.streams",
    "ProducerStats": "prism",
    "RecordId": "ids",
    "UnionSource": "flink.streams",
    "dedup": "flink.streams",
    "latest_by_version": "flink.streams",
}


def __getattr__(name: str) -> object:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return __all__
