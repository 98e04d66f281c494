"""What a local loop is to consist of."""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from typing import Any

from anabranch.devkit.cloud_services import CloudSpec
from anabranch.devkit.copies import check_copies
from anabranch.devkit.flink_config import FlinkSpec
from anabranch.devkit.secure import SecureKind
from anabranch.errors import ConfigurationError

__all__ = ["DEMO_STREAMS", "LoopSpec"]

# The streams of the reference jobs, all in the group `training`, with their partitions.
DEMO_STREAMS = {
    "training-logs": 8,
    "run-metrics": 4,
    "run-counts": 4,
    "run-results": 4,
    "leaderboard": 4,
    "dead-letters": 4,
}
_NAME_CHARACTERS = set(string.ascii_lowercase + string.digits + "-")


@dataclass(frozen=True)
class LoopSpec:
    """What a loop consists of.

    Attributes:
        name: Names it on the command line; loops of different names run side by side.
        primaries: Number of Kafka clusters; they are called a, b, c, …
        secure: None for plain text, ``scram`` or ``mtls``.
        streams: Stream (and topic) to partitions, created on every primary.
        group: The group that all streams are in.
        copies: How many primaries must acknowledge a record.
        broker_properties: Additions to each broker's configuration.
        flink: A Flink session cluster beside the brokers; None for none.
        cloud: A local cloud beside them, in which Flink keeps its state; None for none, and state on disk.
    """

    name: str = "default"
    primaries: int = 2
    secure: SecureKind | None = None
    streams: dict[str, int] = field(default_factory=lambda: dict(DEMO_STREAMS))
    group: str = "training"
    copies: int = 1
    broker_properties: dict[str, str] = field(default_factory=dict)
    flink: FlinkSpec | None = None
    cloud: CloudSpec | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> LoopSpec:
        """The reverse of :func:`dataclasses.asdict`."""
        flink, cloud = value["flink"], value.get("cloud")  # which loops of 0.1 have not
        parts = {
            "flink": None if flink is None else FlinkSpec(**flink),
            "cloud": None if cloud is None else CloudSpec(**cloud),
        }
        return cls(**{**value, **parts})

    def __post_init__(self) -> None:
        if not self.name or not set(self.name) <= _NAME_CHARACTERS:
            raise ConfigurationError(f"'{self.name}' is no name for a loop", hint="use a-z, 0-9 and -")
        if not 1 <= self.primaries <= len(string.ascii_lowercase):
            raise ConfigurationError(f"{self.primaries} primaries are not possible", hint="use 1 to 26")
        check_copies(self.copies, self.primaries)
