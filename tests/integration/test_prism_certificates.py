"""A primary to which the certificate of a producer or reader has expired, on brokers that want one."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from anabranch.connectors import PrismProducer
from anabranch.connectors.readers import UnionReader
from anabranch.devkit.certificates import Authority
from anabranch.devkit.loop import Loop, LoopSpec
from tests.conftest import StreamHandle
from tests.integration.own_authority import issue_short, take_over
from tests.integration.prism_ledger import Ledger, acked, await_true, send_until, state

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300), pytest.mark.long]


@pytest.fixture
def mtls_loop(home: Path) -> Iterator[Loop]:
    with Loop.up(LoopSpec(name="mtls", primaries=2, secure="mtls", streams={"logs": 2})) as loop:
        yield loop


def expired_at_a(loop: Loop, authority: Authority) -> Path:
    """A topology document by which the certificate shown to primary a has expired."""
    document = yaml.safe_load(loop.topology_path.read_text())
    [group] = document["groups"].values()
    group["primaries"]["a"]["auth"] |= issue_short(authority, datetime.timedelta(minutes=-1))
    topology = loop.folder / "short.yaml"
    topology.write_text(yaml.safe_dump(document))
    return topology


def whole(loop: Loop) -> StreamHandle:
    """The stream by the loop's own document, in which each primary has a good certificate."""
    document = yaml.safe_load(loop.topology_path.read_text())
    return StreamHandle("logs", 2, loop, loop.topology_path, document)


def test_an_expired_certificate_costs_a_primary_until_the_file_is_renewed(mtls_loop: Loop) -> None:
    loop = mtls_loop
    authority = take_over(loop)
    topology = expired_at_a(loop, authority)

    ledger = Ledger()
    with PrismProducer(str(topology), "logs", home="a") as producer:
        send_until(ledger, producer, lambda: state(producer, "a") != "closed" and acked(producer, "b") > 200)
        assert "certificate" in producer.stats().primaries["a"].reason
        assert acked(producer, "a") == 0
        issue_short(authority, datetime.timedelta(days=1))
        send_until(ledger, producer, lambda: acked(producer, "a") > 200)
        producer.flush()
    assert ledger.errors == []
    assert set(ledger.check(whole(loop))) == set(ledger.sent)


def test_closing_writes_every_record_though_the_certificate_for_one_primary_has_expired(
    mtls_loop: Loop,
) -> None:
    authority = take_over(mtls_loop)
    topology = expired_at_a(mtls_loop, authority)
    ledger = Ledger()
    producer = PrismProducer(str(topology), "logs", home="a")
    ledger.send(producer, 3_000)
    producer.close()
    assert ledger.errors == []
    assert set(ledger.check(whole(mtls_loop))) == set(ledger.sent)


def test_a_reader_reads_a_renewed_certificate(mtls_loop: Loop) -> None:
    loop = mtls_loop
    authority = take_over(loop)
    with PrismProducer(str(loop.topology_path), "logs") as producer:
        for number in range(400):
            producer.send(str(number).encode())
        producer.flush()
    topology = expired_at_a(loop, authority)

    seen: set[int] = set()
    with UnionReader(str(topology), "logs") as reader:

        def read() -> None:
            seen.update(int(record.value or b"") for record in reader.poll(0.2))

        def is_refused() -> bool:
            read()
            return "certificate" in reader.problems().get("a", "") and len(seen) > 0

        def is_read() -> bool:
            read()
            return len(seen) == 400

        await_true(is_refused)
        assert len(seen) < 400
        issue_short(authority, datetime.timedelta(days=1))
        await_true(is_read)
        assert reader.problems() == {}
