"""The time of a producer whose process may stand still."""

from __future__ import annotations

from anabranch.connectors.prism.steady_clock import SteadyClock


def test_it_stands_still_while_the_process_did() -> None:
    times = iter([100.0, 100.5, 101.25, 161.25, 161.75])
    clock = SteadyClock(lambda: next(times))
    assert [clock() for _ in range(4)] == [100.5, 101.25, 101.25, 101.75]


def test_it_goes_on_where_nobody_stands_still() -> None:
    clock = SteadyClock()
    first = clock()
    assert 0 <= clock() - first < 1
