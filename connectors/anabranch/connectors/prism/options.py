"""How a producer behaves, apart from where it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from anabranch.errors import ConfigurationError

__all__ = ["LINGER_MS", "PrismOptions", "PrismSettings"]

LINGER_MS = 50
"""How long records wait for others of their batch. Fewer, larger requests: measured best for records of a few
hundred bytes."""

_POSITIVE = (
    "hedge_after_s",
    "max_block_s",
    "degrade_after_s",
    "max_in_flight_records",
    "max_in_flight_bytes",
    "max_stale_s",
    "topology_interval_s",
)

_DURABILITY = "a record is only done when it is safe, and in order, on its primary"
_PLACE = "the topology document says where the primaries are"
_ANSWERS = "each record's answer has to come to Prism"
# Client settings on which Prism's promises rest, under all their names, with the reason.
_RESERVED: Mapping[str, str] = {
    "acks": _DURABILITY,
    "request.required.acks": _DURABILITY,
    "default.topic.config": "it may hold acks; a topic's settings go by their own names too",
    "enable.idempotence": _DURABILITY,
    "transactional.id": "a transaction cannot span primaries",
    "bootstrap.servers": _PLACE,
    "metadata.broker.list": _PLACE,
    "on_delivery": _ANSWERS,
    "dr_cb": _ANSWERS,
    "dr_msg_cb": _ANSWERS,
    "delivery.report.only.error": _ANSWERS,
    "error_cb": "Prism learns by it that a primary is lost",
}


@dataclass(frozen=True, slots=True)
class PrismOptions:
    """Settings of a :class:`~anabranch.connectors.prism.PrismProducer`.

    Attributes:
        home: Primary that is preferred while it works; None: all in turn.
        weights: Share of each primary where none is home; 1 where it is not named.
        hedge_after_s: A record that a primary leaves unanswered for so long is sent to another as well.
            Ten times the linger of 50 ms: well clear of an answer that is merely slow.
        max_block_s: How long ``send`` waits, and how long a record tries, while no primary works.
        degrade_after_s: How long fewer primaries may work than there are to be copies before records that at
            least one has acknowledged are done with those that can be had; see :attr:`Delivery.degraded`.
            Only for streams with two or more copies. None: such records wait.
        max_in_flight_records: Records that are sent and not yet done. At 150,000 a second and 100 ms from
            send to acknowledgement, 15,000 are on their way; more only makes the queue longer.
        max_in_flight_bytes: The same in bytes of key and value.
        max_stale_s: Nothing more is written with a topology that nobody confirmed for so long; None: never.
        topology_interval_s: Time between looks at the topology document.
        config: librdkafka settings that override Prism's own, but for those that its promises rest on
            (``acks``, ``enable.idempotence``, ``bootstrap.servers`` and the like).
    """

    home: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    hedge_after_s: float = 0.5
    max_block_s: float = 60.0
    degrade_after_s: float | None = None
    max_in_flight_records: int = 20_000
    max_in_flight_bytes: int = 32 * 1024 * 1024
    max_stale_s: float | None = 24 * 3600.0
    topology_interval_s: float = 10.0
    config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigurationError(f"{name} must be above 0, not {value}")
        if self.hedge_after_s >= self.max_block_s:
            raise ConfigurationError(
                f"hedge_after_s={self.hedge_after_s:g} is not below max_block_s={self.max_block_s:g}, after "
                "which a record has failed",
                hint="lower it, or raise max_block_s (produce: --hedge-after, --max-block)",
            )
        if self.degrade_after_s is not None and self.degrade_after_s >= self.max_block_s:
            raise ConfigurationError(
                f"degrade_after_s={self.degrade_after_s:g} is not below max_block_s={self.max_block_s:g}, "
                "after which a record has failed",
                hint="lower it, or raise max_block_s (produce: --degrade-after, --max-block)",
            )
        self._check_config()
        linger_s = float(self.config.get("linger.ms", LINGER_MS)) / 1000
        if self.hedge_after_s <= linger_s:
            raise ConfigurationError(
                f"hedge_after_s={self.hedge_after_s:g} is not above the linger of {linger_s:g} s, for which "
                "records wait in the client itself",
                hint="raise it (produce: --hedge-after), or lower config['linger.ms']",
            )
        if any(weight <= 0 for weight in self.weights.values()):
            raise ConfigurationError(
                "weights must be above 0", hint="set a primary to 'draining' in the topology to stop writes"
            )

    def _check_config(self) -> None:
        for name in self.config:
            reason = _RESERVED.get(name)
            if reason is not None:
                raise ConfigurationError(
                    f"config['{name}'] cannot be set: {reason}", hint=f"leave '{name}' out of config"
                )


class PrismSettings(TypedDict, total=False):
    """The same as keyword arguments."""

    home: str | None
    weights: Mapping[str, float]
    hedge_after_s: float
    max_block_s: float
    degrade_after_s: float | None
    max_in_flight_records: int
    max_in_flight_bytes: int
    max_stale_s: float | None
    topology_interval_s: float
    config: Mapping[str, Any]
