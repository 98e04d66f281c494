"""Prism: writes each record to a primary that works. ARCHITECTURE.md says how its parts fit."""

from __future__ import annotations

from anabranch.connectors.prism.delivery import Ack, Delivery, PrimaryStats, ProducerStats
from anabranch.connectors.prism.options import PrismOptions
from anabranch.connectors.prism.producer import PrismProducer

__all__ = ["Ack", "Delivery", "PrimaryStats", "PrismOptions", "PrismProducer", "ProducerStats"]
