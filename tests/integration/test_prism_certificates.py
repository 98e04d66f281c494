"""A primary to which the producer's certificate has expired, on brokers that want one."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from anabranch.connectors import PrismProducer
from anabranch.devkit.loop import Loop, LoopSpec
from tests.conftest import StreamHandle
from tests.integration.own_authority import issue_short, take_over
from tests.integration.prism_ledger import Ledger, acked, send_until, state

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300), pytest.mark.long]


@pytest.fixture
def mtls_loop(home: Path) -> Iterator[Loop]:
    with Loop.up(LoopSpec(name="mtls", primaries=2, secure="mtls", streams={"logs": 2})) as loop:
        yield loop


def test_an_expired_certificate_costs_a_primary_until_the_file_is_renewed(mtls_loop: Loop) -> None:
    loop = mtls_loop
    authority = take_over(loop)
    document = yaml.safe_load(loop.topology_path.read_text())
    [group] = document["groups"].values()
    group["primaries"]["a"]["auth"] |= issue_short(authority, datetime.timedelta(minutes=-1))
    topology = loop.folder / "short.yaml"
    topology.write_text(yaml.safe_dump(document))

    ledger = Ledger()
    with PrismProducer(str(topology), "logs", home="a") as producer:
        send_until(ledger, producer, lambda: state(producer, "a") != "closed" and acked(producer, "b") > 200)
        assert "certificate" in producer.stats().primaries["a"].reason
        assert acked(producer, "a") == 0
        issue_short(authority, datetime.timedelta(days=1))
        send_until(ledger, producer, lambda: acked(producer, "a") > 200)
        producer.flush()
    assert ledger.errors == []
    # With the loop's own document, in which each primary has a good certificate.
    whole = StreamHandle("logs", 2, loop, loop.topology_path, document)
    assert set(ledger.check(whole)) == set(ledger.sent)
