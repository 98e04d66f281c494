"""The accounting of the compose test names each kind of failure when it is planted."""

from __future__ import annotations

import pytest

from anabranch.connectors import RecordId
from tests.integration.compose.accounting import Expected, discrepancies

IDS = [RecordId.supplied("test", number) for number in range(4)]
# The last one was sent and not acknowledged; of the third there may be copies.
EXPECTED = Expected({each: each.sequence for each in IDS}, set(IDS[:3]), {IDS[2]})
GOOD = [(each, each.sequence) for each in IDS[:3]]


@pytest.mark.parametrize("also", [[], [(IDS[3], 3)], [(IDS[2], 2)]])
def test_what_is_allowed_is_no_discrepancy(also: list[tuple[RecordId | None, int]]) -> None:
    assert discrepancies(EXPECTED, [*GOOD, *also]) == []


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (GOOD[:2], "was acknowledged and is not there"),
        ([*GOOD, (None, 7)], "nobody sent"),
        ([*GOOD, (RecordId.supplied("other", 0), 7)], "nobody sent"),
        ([*GOOD[:2], (IDS[2], 9)], "was sent with number 2, and has 9"),
        ([*GOOD, GOOD[0]], "is there 2 times"),
        ([*GOOD, (IDS[3], 2)], "number 2 is there under 2 ids"),
    ],
)
def test_each_failure_is_named(read: list[tuple[RecordId | None, int]], words: str) -> None:
    assert any(words in text for text in discrepancies(EXPECTED, read))
