"""How many copies do, by how many primaries worked when. The same looks as in ``ShortageTest.java``."""

from __future__ import annotations

import re

import pytest

from anabranch.connectors.prism.shortage import Shortage


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param("3@0=3 2@1=3 2@10.9=3 2@11=2 3@12=3", id="down late and up at once"),
        pytest.param("3@0=3 2@1=3 2@10.9=3 1@10.95=3 1@11=2 2@11.1=2", id="a moment"),
        pytest.param("2@1=3 2@11=2 0@11.1=2 0@21=2 0@21.1=1", id="next look"),
        pytest.param("2@1=3 1@6=3 1@11=2 1@15.9=2 1@16=1", id="by its own loss"),
        pytest.param("1@1=3 1@10.9=3 1@11=1", id="both at once"),
        pytest.param("1@1=3 2@10.9=3 2@11=2 1@12=2 1@22=1", id="back before it was due"),
        pytest.param("2@1=3 3@10.9=3 2@11=3 2@20.9=3 2@21=2", id="the clock starts anew"),
        pytest.param("0@1=3 0@11=1 0@99=1", id="never fewer than one"),
    ],
)
def test_each_number_of_copies_has_its_clock(looks: str) -> None:
    """A look is how many primaries work, at what second, and how many of three copies do then."""
    shortage = Shortage(10)
    shortage.want(3)
    before = 3
    for look in looks.split():
        working, now, enough = re.split("[@=]", look)
        assert shortage.look(int(working), float(now)) == (int(enough) < before), look
        assert shortage.enough == int(enough), look
        before = shortage.enough


def test_another_number_that_is_wanted_starts_all_clocks() -> None:
    shortage = Shortage(10)
    shortage.want(2)
    shortage.look(1, 0)
    shortage.want(3)
    assert not shortage.look(1, 10)
    assert shortage.enough == 3
    assert shortage.look(1, 20)
    assert shortage.enough == 1
    shortage.want(1)
    assert not shortage.look(0, 99)
    assert shortage.enough == 1


def test_without_a_time_all_copies_are_wanted() -> None:
    shortage = Shortage(None)
    shortage.want(3)
    assert not shortage.look(1, 0)
    assert not shortage.look(1, 1e9)
    assert shortage.enough == 3
