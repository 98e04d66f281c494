"""Mini-batches that nothing ends in time are told of."""

from __future__ import annotations

import pytest

from anabranch.pipelines.mini_batch import untimely

TIMELY = ["Source: union logs", "MiniBatchAssigner[2]", "LocalGroupAggregate[3]"]
UNTIMELY = ["Source: union logs", "LocalGroupAggregate[3]", "LocalGroupAggregate[9]"]


def test_a_plan_with_a_timer_is_well() -> None:
    assert untimely(lambda: TIMELY, 1.0) is None


def test_a_plan_without_one_is_told() -> None:
    text = untimely(lambda: UNTIMELY, 1.5)
    assert text is not None
    assert "mini_batch.latency_s (1.5 s) has no effect" in text


def test_a_plan_without_batches_needs_no_timer() -> None:
    assert untimely(lambda: ["Source: union logs", "Calc[2]", "to-copies[2]: Writer"], 1.0) is None


def test_where_batches_are_off_the_operators_are_not_asked_for() -> None:
    assert untimely(lambda: pytest.fail("a graph was built"), 0) is None
