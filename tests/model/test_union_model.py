"""No offset is skipped or taken back, whatever happens in whatever order.

The real enumerator, readers, fetchers and probes run in one JVM over simulated brokers. Hypothesis draws
histories of faults, and `judge` holds what was read against what was written. A failure prints its history,
which `python -m tests.model.replay HISTORY` plays again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.histories import UnionHistory
from tests.model.jvm import WorldJvm
from tests.model.mutants import MUTANTS, Mutant, edited, fail, hunt

# Some 10 s on two idle cores, half of it Hypothesis; the long tests take some minutes each.
QUICK_HISTORIES = 1_000
LONG_HISTORIES = 20_000


@pytest.fixture
def jvm() -> Iterator[WorldJvm]:
    jvm = WorldJvm()
    UnionHistory.jvm = jvm
    yield jvm
    jvm.close()


def _play(jvm: WorldJvm, histories: int, *, same: bool) -> None:
    began = time.monotonic()
    run_state_machine_as_test(
        UnionHistory,
        settings=settings(
            max_examples=histories,
            stateful_step_count=30,
            deadline=None,
            derandomize=same,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    took = time.monotonic() - began
    print(f"{jvm.histories} histories in {took:.0f} s, {jvm.histories / took * 60:.0f} a minute")


@pytest.mark.timeout(600)
def test_no_offset_is_skipped_or_taken_back(jvm: WorldJvm) -> None:
    """The same histories each time."""
    _play(jvm, QUICK_HISTORIES, same=True)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_guards_that_mutants_take_out_are_there(mutant: Mutant) -> None:
    assert edited(mutant)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_offset_is_skipped_or_taken_back_in_other_histories(jvm: WorldJvm) -> None:
    """Others each time."""
    _play(jvm, LONG_HISTORIES, same=False)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "mutant", [each for each in MUTANTS if isinstance(each.caught_by, int)], ids=lambda each: each.name
)
def test_histories_notice_a_missing_guard(mutant: Mutant) -> None:
    took, said = hunt(mutant)
    print(f"after {took} histories: {said}")


@pytest.mark.long
@pytest.mark.parametrize(
    "mutant", [each for each in MUTANTS if isinstance(each.caught_by, str)], ids=lambda each: each.name
)
def test_a_junit_test_fails_for_want_of_a_guard(mutant: Mutant) -> None:
    print(fail(mutant))
