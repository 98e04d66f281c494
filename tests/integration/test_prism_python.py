"""The Python Prism on real brokers that are hurt while it writes."""

from __future__ import annotations

import os
import re
import threading
import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from anabranch.connectors import Delivery, PrismProducer, RecordId
from anabranch.connectors.readers import UnionReader
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.errors import DeliveryError
from tests.conftest import StreamHandle
from tests.integration.prism_ledger import Ledger, acked, await_true, raw_log, send_until, state

if TYPE_CHECKING:
    from tests.conftest import StreamMaker

pytestmark = pytest.mark.brokers


def test_a_kill_and_a_return_while_writing_lose_nothing(stream: StreamHandle) -> None:
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name) as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 100 and acked(producer, "b") > 100)
        ledger.send(producer, 5_000)
        stream.loop.broker("a").kill()
        send_until(ledger, producer, lambda: state(producer, "a") == "open")
        ledger.send(producer, 1_000)
        producer.flush()
        assert len(ledger.deliveries) == len(ledger.sent)
        restarting = threading.Thread(target=stream.loop.broker("a").restart)
        restarting.start()
        before = acked(producer, "a")
        send_until(ledger, producer, lambda: acked(producer, "a") > before + 100, limit_s=100)
        restarting.join()
        producer.flush()
    assert ledger.errors == []
    assert set(ledger.check(stream)) == set(ledger.sent)
    assert any(d.ambiguous for d in ledger.deliveries.values())


def test_each_primary_may_have_a_number_of_partitions_of_its_own(stream: StreamHandle) -> None:
    admin = AdminClient({"bootstrap.servers": stream.loop.broker("a").bootstrap})
    [grown] = admin.create_partitions([NewPartitions(stream.name, 5)]).values()
    grown.result(30)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name) as producer:
        send_until(ledger, producer, lambda: all(acked(producer, name) > 1_000 for name in "ab"))
        producer.flush()
    assert ledger.errors == []
    assert set(ledger.check(stream)) == set(ledger.sent)
    used = {(ack.primary, ack.partition) for done in ledger.deliveries.values() for ack in done.acks}
    assert used == {*(("a", number) for number in range(5)), *(("b", number) for number in range(2))}


def test_what_a_paused_primary_wrote_late_is_a_duplicate_of_the_same_id(stream: StreamHandle) -> None:
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name) as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 100 and acked(producer, "b") > 100)
        producer.flush()
        stream.loop.broker("a").pause()
        send_until(ledger, producer, lambda: state(producer, "a") == "open")
        producer.flush()
        assert producer.stats().primaries["a"].hedged > 0
        stream.loop.broker("a").resume()
        send_until(ledger, producer, lambda: state(producer, "a") == "closed")
        producer.flush()
        await_true(lambda: producer.stats().primaries["a"].in_flight == 0)
    assert ledger.errors == []
    assert set(ledger.check(stream)) == set(ledger.sent)
    twice = _twice(ledger, stream)
    assert twice
    assert all(ledger.deliveries[record_id].ambiguous for record_id in twice)


@pytest.mark.long
@pytest.mark.timeout(500)
@pytest.mark.usefixtures("home")
def test_what_a_paused_primary_applies_after_minutes_is_a_duplicate_of_the_same_id() -> None:
    """Longer than any client waits: the producer has given up, gone on, and is closed."""
    # With the short sessions of the other brokers its own controller would fence it first, and the requests
    # that wait in its sockets be refused.
    sessions = {"broker.session.timeout.ms": "600000"}
    ledger = Ledger()
    with Loop.up(LoopSpec(name="frozen", streams={"logs": 2}, broker_properties=sessions)) as loop:
        stream = StreamHandle("logs", 2, loop, loop.topology_path)
        try:
            with PrismProducer(stream.topology, stream.name) as producer:
                send_until(
                    ledger, producer, lambda: acked(producer, "a") > 100 and acked(producer, "b") > 100
                )
                producer.flush()
                loop.broker("a").pause()
                before = acked(producer, "a")
                send_until(ledger, producer, lambda: state(producer, "a") == "open")
                resumes_at = time.monotonic() + 100
                send_until(ledger, producer, lambda: time.monotonic() > resumes_at, limit_s=150)
                producer.flush()
                assert acked(producer, "a") == before
                assert producer.stats().primaries["a"].failed > 0, "given up"
        finally:
            loop.broker("a").resume()
        assert ledger.errors == []
        await_true(lambda: bool(_twice(ledger, stream)))
        assert set(ledger.check(stream)) == set(ledger.sent)
        assert all(ledger.deliveries[record_id].ambiguous for record_id in _twice(ledger, stream))


def _twice(ledger: Ledger, stream: StreamHandle) -> set[RecordId]:
    """Ids that are in both logs."""
    return {record_id for record_id, where in ledger.check(stream).items() if len(where) == 2}


def test_both_down_then_back_only_delays(stream: StreamHandle) -> None:
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=110) as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 50 and acked(producer, "b") > 50)
        for name in "ab":
            stream.loop.broker(name).kill()
        restarting = threading.Thread(target=stream.loop.broker("b").restart)
        restarting.start()
        ledger.send(producer, 30_000)
        producer.flush()
        restarting.join()
    stream.loop.broker("a").restart()
    assert ledger.errors == []
    assert set(ledger.check(stream)) == set(ledger.sent)


@pytest.mark.long
def test_both_down_for_a_minute_only_delays(stream: StreamHandle) -> None:
    ledger = Ledger()
    brokers = [stream.loop.broker(name) for name in "ab"]
    with PrismProducer(stream.topology, stream.name, max_block_s=120) as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 50 and acked(producer, "b") > 50)
        for broker in brokers:
            broker.pause()
        back = [threading.Timer(60.0, broker.resume) for broker in brokers]
        for each in back:
            each.start()
        try:
            # More than it holds: send() waits, too.
            ledger.send(producer, 30_000)
            producer.flush()
        finally:
            for each in back:
                each.join()
    assert ledger.errors == []
    assert set(ledger.check(stream)) == set(ledger.sent)


def test_both_down_for_too_long_is_an_error_that_names_each(stream: StreamHandle) -> None:
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=3) as producer:
        send_until(ledger, producer, lambda: acked(producer, "a") > 50 and acked(producer, "b") > 50)
        for name in "ab":
            stream.loop.broker(name).kill()
        with pytest.raises(DeliveryError) as raised:
            ledger.send(producer, 30_000)
        producer.flush()
        text = str(raised.value)
        assert "a: down since" in text
        assert "b: down since" in text
        assert "Connect" in text or "Disconnected" in text or "refused" in text
    for name in "ab":
        stream.loop.broker(name).restart()
    # The one whose send() raised was never accepted.
    assert len(ledger.deliveries) == len(ledger.sent) - 1
    written = set(ledger.check(stream))
    good = {record_id for record_id, d in ledger.deliveries.items() if d.error is None}
    unclear = {record_id for record_id, d in ledger.deliveries.items() if d.error is not None and d.ambiguous}
    assert good <= written <= good | unclear


def test_two_copies_are_on_two_primaries(make_stream: StreamMaker) -> None:
    stream = make_stream(copies=2)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=100) as producer:
        ledger.send(producer, 500)
        producer.flush()
        stream.loop.broker("b").kill()
        # One, since send() waits while a record waits for its second primary.
        ledger.send(producer, 1)
        assert producer.flush(2.0) == 1
        stream.loop.broker("b").restart()
        producer.flush()
    assert ledger.errors == []
    assert all({ack.primary for ack in d.acks} == {"a", "b"} for d in ledger.deliveries.values())
    assert all(where == {"a", "b"} for where in ledger.check(stream).values())


def name_a_twice(stream: StreamHandle) -> None:
    """Adds a primary a2, which is a by another address."""
    port = stream.loop.broker("a").bootstrap.rpartition(":")[2]
    [group] = stream.document["groups"].values()
    group["primaries"]["a2"] = {"bootstrap": [f"localhost:{port}"]}
    stream.publish()


@pytest.mark.long
def test_with_two_copies_one_primary_may_be_destroyed(make_stream: StreamMaker) -> None:
    stream = make_stream(copies=2)
    a, b = (stream.loop.broker(name) for name in "ab")
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=110) as producer:
        ledger.send(producer, 2_000)
        # Some are acknowledged, some on their way.
        await_true(lambda: acked(producer, "a") > 0)
        a.wipe({stream.name: stream.partitions})
        ledger.send(producer, 2_000)
        producer.flush()
    assert ledger.errors == []
    assert {int(message.value() or b"") for message in raw_log(b, stream.name)} == set(range(4_000))
    # What was sent later is on the new one, too.
    later = set(range(2_000, 4_000))
    on_a = {int(message.value() or b"") for message in raw_log(a, stream.name)}
    assert later <= on_a


def test_two_copies_never_lie_in_one_kafka_cluster_with_two_names(make_stream: StreamMaker) -> None:
    stream = make_stream(copies=2)
    plain, stream.topology_path = stream.topology_path, stream.topology_path.with_name("twice.yaml")
    name_a_twice(stream)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name) as producer:
        await_true(lambda: state(producer, "a2") == "twin")
        ledger.send(producer, 3_000)
        producer.flush()
        assert "it is the same Kafka cluster as a, id " in producer.stats().primaries["a2"].reason
        assert acked(producer, "a2") == 0
    assert ledger.errors == []
    stream.topology_path = plain
    assert all(where == {"a", "b"} for where in ledger.check(stream).values())


def test_where_primaries_are_too_few_for_the_copies_it_says_so(make_stream: StreamMaker) -> None:
    stream = make_stream(copies=2)
    name_a_twice(stream)
    [group] = stream.document["groups"].values()
    group["primaries"]["b"]["state"] = "draining"
    stream.publish()
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=5) as producer:
        ledger.send(producer, 1)
        producer.flush()
    [error] = ledger.errors
    assert re.search("only 1 of 2 copies written, to a2?, within 5 s", str(error))
    assert "a2: not used: it is the same Kafka cluster as a, id " in str(error)


def test_a_start_needs_no_live_primary(stream: StreamHandle) -> None:
    for name in "ab":
        stream.loop.broker(name).kill()
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name, max_block_s=100) as producer:
        restarting = threading.Thread(target=stream.loop.broker("a").restart)
        restarting.start()
        ledger.send(producer, 100)
        producer.flush()
        restarting.join()
    stream.loop.broker("b").restart()
    assert ledger.errors == []
    assert set(ledger.check(stream)) == set(ledger.sent)


def test_a_record_that_is_too_large_fails_alone(stream: StreamHandle) -> None:
    ledger = Ledger()
    deliveries: list[Delivery] = []
    with PrismProducer(stream.topology, stream.name, config={"message.max.bytes": 3_000_000}) as producer:
        ledger.send(producer, 20)
        # The client would take it; the brokers do not. Random, since it is the compressed size that counts.
        producer.send(os.urandom(2_000_000), on_done=deliveries.append)
        ledger.send(producer, 20)
        producer.flush()
        assert {name: state(producer, name) for name in "ab"} == {"a": "closed", "b": "closed"}
    assert deliveries[0].error is not None
    assert "a: " in deliveries[0].error.message
    assert "b: " in deliveries[0].error.message
    assert ledger.errors == []
    assert len(ledger.check(stream)) == 40


def test_a_topic_that_is_missing_on_one_primary_leaves_it_out(stream: StreamHandle) -> None:
    from confluent_kafka.admin import AdminClient

    broker = stream.loop.broker("b")
    admin = AdminClient(broker.client_config())
    admin.delete_topics([stream.name])[stream.name].result(timeout=30)
    ledger = Ledger()
    with PrismProducer(stream.topology, stream.name) as producer:
        send_until(ledger, producer, lambda: state(producer, "b") == "open")
        producer.flush()
        assert "nknown topic" in producer.stats().primaries["b"].reason
    assert ledger.errors == []
    assert {ack.primary for d in ledger.deliveries.values() for ack in d.acks} == {"a"}


def test_a_forked_child_writes_its_own_records(stream: StreamHandle) -> None:
    own: list[Delivery] = []
    with PrismProducer(stream.topology, stream.name) as producer:
        producer.send(b"parent before", on_done=own.append)
        producer.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                producer.send(b"child")
                code = producer.flush(60)
            finally:
                os._exit(code)
        producer.send(b"parent after", on_done=own.append)
        producer.flush()
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    with UnionReader(stream.topology, stream.name, until_end=True) as reader:
        by_value = {record.value: record.id for record in reader}
    assert set(by_value) == {b"parent before", b"child", b"parent after"}
    child = by_value[b"child"]
    assert child is not None
    assert child.incarnation not in {delivery.id.incarnation for delivery in own}
