"""How benchmarks hurt a primary and mend it."""

from __future__ import annotations

from dataclasses import dataclass

from anabranch.devkit.brokers import Broker
from anabranch.devkit.faulty_link import FaultyLink

__all__ = ["Way"]


@dataclass(frozen=True)
class Way:
    """To a broker: its own address, and a link."""

    broker: Broker
    link: FaultyLink

    def strike(self, fault: str) -> None:
        """Begins the fault."""
        {"kill": self.broker.kill, "pause": self.broker.pause, "hole": self.link.silence}[fault]()

    def mend(self, fault: str) -> None:
        """Ends the fault; returns when the broker answers."""
        {"kill": self.broker.restart, "pause": self.broker.resume, "hole": self.link.open}[fault]()
