"""What a run says of its primaries: each change once, and nothing of what is usual."""

from __future__ import annotations

import dataclasses

import pytest

from anabranch.pipelines.events import PrimaryHealth
from anabranch.pipelines.outages import Outages

UP = PrimaryHealth("b", in_topology=True, answers=True, takes=None, parked=0, lag=0, lost_ranges=0)
AWAY = PrimaryHealth("b", in_topology=True, answers=False, takes=None, parked=8, lag=3, lost_ranges=0)


def told(*looks: tuple[float, PrimaryHealth], bounded: bool = False) -> list[str]:
    outages = Outages(bounded=bounded)
    return [line for at_s, primary in looks for line in outages.look([primary], at_s)]


def test_away_and_back_are_told_once() -> None:
    back = PrimaryHealth("b", in_topology=True, answers=True, takes=None, parked=0, lag=1200, lost_ranges=0)
    assert told((0, UP), (1, AWAY), (3, AWAY), (60, AWAY), (61, back), (62, UP)) == [
        "primary b does not answer: its partitions wait where they stand, the others are read",
        "primary b is back, 1,200 records wait there",
    ]


def test_a_lost_connection_is_no_outage() -> None:
    assert told((0, UP), (1, AWAY), (2, UP), (3, AWAY), (4.9, AWAY), (5, UP)) == []


def test_a_first_answer_may_take_a_while() -> None:
    assert told((0, AWAY), (14, AWAY), (15, AWAY)) == [
        "primary b has not answered yet: its partitions wait, the others are read"
    ]


def test_why_is_told_where_it_is_known() -> None:
    away = dataclasses.replace(AWAY, trouble="no variable SECRET")
    never = "primary b has not answered yet (no variable SECRET): its partitions wait, the others are read"
    assert told((0, away), (15, away)) == [never]
    (line,) = told((0, UP), (1, away), (3, away))
    assert line.startswith("primary b does not answer (no variable SECRET): its partitions wait where")


def test_a_bounded_run_says_that_it_waits() -> None:
    (line,) = told((0, UP), (1, AWAY), (3, AWAY), bounded=True)
    assert line.endswith("; this run ends when it is back, or fails at scan.bounded.deadline")


def test_one_that_is_only_written_to_holds_nothing_back() -> None:
    away = PrimaryHealth("b", in_topology=True, answers=None, takes=False, parked=0, lag=0, lost_ranges=0)
    (line,) = told((0, UP), (1, away), (3, away))
    assert line.startswith("primary b takes no records: ")


def test_who_reads_may_notice_it_after_who_writes() -> None:
    away = PrimaryHealth("b", in_topology=True, answers=True, takes=False, parked=0, lag=0, lost_ranges=0)
    written, read, back = told((0, UP), (1, away), (3, away), (9, AWAY), (12, AWAY), (13, away), (14, UP))
    assert written.startswith("primary b takes no records: ")
    assert read.startswith("primary b does not answer: its partitions wait")
    assert back == "primary b is back"


PARKED = PrimaryHealth("b", in_topology=True, answers=True, takes=None, parked=1, lag=0, lost_ranges=0)


def test_what_is_parked_while_it_answers() -> None:
    first, last = told((0, UP), (1, PARKED), (3, PARKED), (9, PARKED), (10, UP))
    assert first.startswith("primary b answers, but 1 partition waits, parked: ")
    assert last == "primary b: all partitions are read again"


def test_a_primary_that_is_just_being_taken_up_is_not_parked() -> None:
    assert told((0, PARKED), (14, PARKED), (15, UP), (16, PARKED), (17.9, PARKED), (18, UP)) == []


def test_one_that_the_topology_left_out_is_no_outage() -> None:
    gone = PrimaryHealth("b", in_topology=False, answers=False, takes=None, parked=8, lag=0, lost_ranges=0)
    assert told((0, UP), (1, AWAY), (3, AWAY), (5, gone), (50, gone), (60, UP), (70, gone))[1:] == [
        "primary b is no longer in the topology: 8 partitions wait in case it comes back",
        "primary b is no longer in the topology: 8 partitions wait in case it comes back",
    ]


SAYS = "Flink's log says what, and what of it is known to have been unread"


def lost(ranges: int, records: int) -> PrimaryHealth:
    return dataclasses.replace(UP, lost_ranges=ranges, lost_records=records)


@pytest.mark.parametrize("away_between", [False, True])
def test_lost_ranges_are_counted_across_restarts_of_tasks(away_between: bool) -> None:
    between = [AWAY] if away_between else []
    looks = [lost(0, 0), lost(2, 1200), lost(2, 1200), *between, lost(0, 0), lost(1, 1)]
    assert told(*enumerate(looks)) == [
        f"primary b: 2 parts of its logs are gone, 1,200 records at least; {SAYS}",
        f"primary b: a part of a log is gone, 1 record at least; {SAYS}",
    ]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ((1, 1000), (2, 30), "2 parts of its logs are gone, 30 records at least"),
        ((1, 30), (1, 30), ""),
        ((2, 130), (1, 30), ""),
        ((1, 0), (1, 30), "a part of a log is gone, 30 records at least"),
        ((0, 0), (3, 0), "3 parts of its logs are gone"),
    ],
    ids=["restarted", "as before", "one of two tasks restarted", "told in two steps", "of unknown length"],
)
def test_what_is_gone_is_told_as_far_as_it_is_known(
    before: tuple[int, int], after: tuple[int, int], text: str
) -> None:
    lines = told((0, UP), (1, lost(*before)), (2, lost(*after)))
    expected = [f"primary b: {text}; {SAYS}"] if text else []
    assert lines[1 if before != (0, 0) else 0 :] == expected
