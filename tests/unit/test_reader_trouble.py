"""From when the deadline of what cannot be read counts."""

from __future__ import annotations

import math

import pytest

from anabranch.connectors import reader_trouble
from anabranch.connectors.reader_trouble import ReaderTrouble, named


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(reader_trouble, "time", clock)
    return clock


def test_any_answer_ends_the_trouble_of_a_primary(clock: Clock) -> None:
    trouble = ReaderTrouble()
    assert (trouble.text, trouble.since) == (None, math.inf)
    trouble.note("no answer")
    clock.now = 105
    trouble.note("refused")
    assert (trouble.text, trouble.since) == ("refused", 100)
    trouble.note(None)
    assert (trouble.text, trouble.since) == (None, math.inf)


def test_partitions_do_not_count_while_others_bring_records(clock: Clock) -> None:
    trouble = ReaderTrouble()
    trouble.note_partitions("partition 1")
    clock.now = 105
    trouble.progress()
    clock.now = 107
    assert (trouble.silent_s, trouble.since) == (2, 105)
    trouble.note(None)
    assert trouble.text == "partition 1", "that others are read is no answer of this one"


def test_what_is_known_of_partitions_goes_before_noise_of_the_client(clock: Clock) -> None:
    trouble = ReaderTrouble()
    trouble.note_partitions("partition 1")
    trouble.note("one broker refuses")
    assert trouble.text == "partition 1"


def test_a_primary_that_falls_silent_takes_the_time_of_its_partitions_over(clock: Clock) -> None:
    trouble = ReaderTrouble()
    trouble.note_partitions("partition 1")
    clock.now = 108
    trouble.unknown("no answer")
    assert (trouble.text, trouble.since) == ("no answer", 100)


def test_partitions_are_named() -> None:
    assert named("t", {2}) == "topic 't', partition 2"
    assert named("t", [3, 1]) == "topic 't', partitions 1, 3"
