"""No offset is skipped or taken back, whatever happens in whatever order.

The real enumerator and the real readers, fetchers and probes run in one JVM over simulated brokers; Hypothesis
draws histories of faults, and `judge` holds what was read against what was written.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.histories import UnionHistory
from tests.model.jvm import WorldJvm


@pytest.fixture
def jvm() -> Iterator[WorldJvm]:
    jvm = WorldJvm()
    UnionHistory.jvm = jvm
    yield jvm
    jvm.close()


def test_no_offset_is_skipped_or_taken_back(jvm: WorldJvm) -> None:
    began = time.monotonic()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        UnionHistory,
        settings=settings(
            max_examples=500,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    took = time.monotonic() - began
    print(f"{jvm.histories} histories in {took:.0f} s, {jvm.histories / took * 60:.0f} a minute")
