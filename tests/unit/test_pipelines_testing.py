"""Records of a test as the JSON that Flink reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from anabranch.pipelines import testing


@dataclass(frozen=True)
class Each:
    id: bytes
    at: datetime
    day: date
    price: Decimal


def test_what_json_has_not_is_written_as_flink_reads_it(tmp_path: Path) -> None:
    at = datetime(2026, 11, 28, 10, 0, 0, 5000, UTC)
    path = testing._write(tmp_path / "in", [Each(b"\x00\xff", at, at.date(), Decimal("1.50"))])
    assert json.loads(path.read_text()) == {
        "id": "AP8=",
        "at": "2026-11-28 10:00:00.005000Z",
        "day": "2026-11-28",
        "price": "1.50",
    }
