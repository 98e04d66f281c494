"""The Python Prism while the document gives its primaries other addresses: each record is in both logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from anabranch.connectors import PrismProducer
from tests.integration.prism_ledger import Ledger, acked, raw_log, send_until

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = pytest.mark.brokers


def on_both(ledger: Ledger, stream: StreamHandle) -> None:
    """Each record was told to be done, and lies on both brokers."""
    assert ledger.errors == []
    assert ledger.deliveries.keys() == ledger.sent.keys()
    for name in "ab":
        values = {message.value() for message in raw_log(stream.loop.broker(name), stream.name)}
        assert values == set(ledger.sent.values())


def go_on(ledger: Ledger, producer: PrismProducer) -> None:
    before = {name: acked(producer, name) for name in "ab"}
    send_until(ledger, producer, lambda: all(acked(producer, name) > before[name] + 500 for name in "ab"))


def test_two_copies_go_on_when_two_primaries_swap_their_addresses(make_stream: StreamMaker) -> None:
    stream = make_stream(copies=2)
    [group] = stream.document["groups"].values()
    a, b = group["primaries"]["a"], group["primaries"]["b"]
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, topology_interval_s=0.2) as producer:
        go_on(ledger, producer)
        for _ in range(3):
            a["bootstrap"], b["bootstrap"] = b["bootstrap"], a["bootstrap"]
            stream.publish()
            go_on(ledger, producer)
    on_both(ledger, stream)


def test_an_address_that_is_written_in_another_way_costs_no_copy(make_stream: StreamMaker) -> None:
    stream = make_stream(copies=2)
    [group] = stream.document["groups"].values()
    a = group["primaries"]["a"]
    [address] = a["bootstrap"]
    other = address.replace("127.0.0.1", "localhost")
    assert other != address
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, topology_interval_s=0.2, max_block_s=15) as producer:
        go_on(ledger, producer)
        for number in range(6):
            a["bootstrap"] = [address if number % 2 else other]
            stream.publish()
            go_on(ledger, producer)
    on_both(ledger, stream)
