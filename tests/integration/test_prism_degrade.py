"""The Python Prism, told to go on where two copies are wanted and one of two real brokers is gone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from anabranch.connectors import PrismProducer, RecordId, record_headers
from anabranch.connectors.dead_letters import DeadLetter
from anabranch.connectors.readers import UnionReader
from anabranch.connectors.replay import replay
from anabranch.connectors.union_records import SeenIds
from anabranch.errors import UnavailableError
from tests.integration.prism_ledger import Ledger, raw_log, send_until, state

if TYPE_CHECKING:
    from anabranch.connectors import Delivery
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = pytest.mark.brokers


def test_with_one_of_two_alive_records_go_on_and_each_is_listed(make_stream: StreamMaker) -> None:
    stream = make_stream(copies=2)
    ledger = Ledger()
    b = stream.loop.broker("b")
    with PrismProducer(stream.topology, stream.name, max_block_s=100, degrade_after_s=3) as producer:
        ledger.send(producer, 500)
        producer.flush()
        b.kill()
        began = time.monotonic()
        ledger.send(producer, 1)
        assert producer.flush(1.5) == 1, "for a while it waits"
        ledger.send(producer, 2_000)
        producer.flush()
        assert time.monotonic() - began < 30, "not degrade_after for each"
        assert len(degraded(ledger)) == producer.stats().degraded == 2_001
        b.restart()
        send_until(ledger, producer, lambda: state(producer, "b") == "closed")
        before = len(degraded(ledger))
        ledger.send(producer, 500)
    assert len(degraded(ledger)) == before, "both copies again, by the same producer"
    assert ledger.errors == []
    brokers = {name: stream.loop.broker(name) for name in "ab"}
    places = ledger.account(brokers, stream.name)
    # What b has it may have written without saying so.
    listed = {delivery.id for delivery in degraded(ledger)}
    assert {record_id for record_id, where in places.items() if set(where) != {"a", "b"}} <= listed
    assert all([ack.primary for ack in each.acks] == ["a"] and each.copies == 2 for each in degraded(ledger))
    replay_twice(stream, ledger)


def degraded(ledger: Ledger) -> list[Delivery]:
    return [delivery for delivery in ledger.deliveries.values() if delivery.degraded]


def replay_twice(stream: StreamHandle, ledger: Ledger) -> None:
    """From letters as a job writes them: each record gets the copy that it lacks, and counts once."""
    letters = [
        DeadLetter.refused(stream.name, each.id, ledger.sent[each.id], reason="degraded", detail="1 of 2")
        for each in degraded(ledger)
    ]
    for _ in range(2):
        assert len(replay(stream.topology, letters).sent) == len(letters)
    places = ledger.check(stream)
    assert all(where == {"a", "b"} for where in places.values())
    seen = SeenIds()
    with UnionReader(stream.topology, stream.name, until_end=True, deadline_s=60) as reader:
        assert sum(seen.accept(record) for record in reader) == len(ledger.sent)


def test_an_upsert_is_replayed_only_while_it_is_the_newest_of_its_key(make_stream: StreamMaker) -> None:
    stream = make_stream(copies=2)
    with PrismProducer(stream.topology, stream.name) as producer:
        for version in (1, 2):
            one = upsert(stream, version)
            producer.send(one.value or b"", key=one.key, id=one.record_id, headers=one.headers)
            producer.flush()
    result = replay(stream.topology, [upsert(stream, 1), upsert(stream, 2)])
    assert result.sent == [upsert(stream, 2).record_id]
    assert result.outdated == {upsert(stream, 1).record_id}
    assert values(stream, "a") == values(stream, "b") == [b"v1", b"v2", b"v2"]
    stream.loop.broker("b").kill()
    with pytest.raises(UnavailableError, match="nothing is sent: b: "):
        replay(stream.topology, [upsert(stream, 2)])
    assert len(values(stream, "a")) == 3


def upsert(stream: StreamHandle, version: int) -> DeadLetter:
    """A letter of it."""
    return DeadLetter.refused(
        stream.name,
        RecordId.supplied("upsert", version),
        b"v%d" % version,
        reason="degraded",
        detail="1 of 2",
        key=b"k",
        headers=[(record_headers.VERSION, version.to_bytes(12, "big"))],
    )


def values(stream: StreamHandle, primary: str) -> list[bytes | None]:
    """Of one key, and so in the order of one partition."""
    return [message.value() for message in raw_log(stream.loop.broker(primary), stream.name)]
