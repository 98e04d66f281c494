"""Writes numbered records through Prism, and remembers each and what became of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from anabranch.connectors import Delivery, PrismProducer, RecordId
from tests.integration.compose.accounting import Expected

__all__ = ["Traffic", "number_in"]

_SCOPE = "compose"


class Traffic:
    """Records with the numbers 0, 1, 2, … of one producer.

    Args:
        producer: Of the stream that they go to.
    """

    def __init__(self, producer: PrismProducer) -> None:
        self._producer = producer
        self._sent: dict[RecordId, int] = {}
        self._deliveries: list[Delivery] = []

    @property
    def sent(self) -> int:
        """How many records were sent; the number of the next."""
        return len(self._sent)

    def send(self, count: int) -> None:
        """Sends the next ``count`` records."""
        for number in range(len(self._sent), len(self._sent) + count):
            record_id = RecordId.supplied(_SCOPE, number)
            self._sent[record_id] = number
            value = json.dumps({"run": _SCOPE, "seq": number}).encode()
            self._producer.send(value, id=record_id, on_done=self._deliveries.append)

    def send_until(self, condition: Callable[[], bool], *, timeout_s: float) -> None:
        """Sends some hundred records a second until something is seen."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"not seen in {timeout_s:.0f} s: {self._producer.stats()}"
            self.send(5)
            time.sleep(0.02)

    def sent_since(self, number: int) -> list[RecordId]:
        """Ids of the records from that number on."""
        return [record_id for record_id, each in self._sent.items() if each >= number]

    def expected(self) -> Expected:
        """What the stream must hold; call it when all that was sent is done."""
        assert len(self._deliveries) == len(self._sent)
        acknowledged = {each.id for each in self._deliveries if each.acks}
        unclear = {each.id for each in self._deliveries if each.ambiguous}
        return Expected(dict(self._sent), acknowledged, unclear)

    def acked(self, primary: str) -> int:
        """How many records that primary has acknowledged."""
        return self._producer.stats().primaries[primary].acked

    def leaves_alone(self, primary: str) -> bool:
        """Whether the producer has found out that the primary does not work."""
        return self._producer.stats().primaries[primary].state == "open"


def number_in(value: bytes | None) -> int:
    """The number that a record carries."""
    assert value is not None
    return int(json.loads(value)["seq"])
