"""How many records a producer process of the demo sends together, at a pace that may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch.devkit import replay
from anabranch.devkit.dataset import Event


@pytest.mark.parametrize(
    ("records_per_s", "together"), [("", 1), ("0", 1), ("5", 1), ("27.3", 2), ("333", 33), ("10700", 100)]
)
def test_a_slow_replay_sends_little_at_a_time(tmp_path: Path, records_per_s: str, together: int) -> None:
    shard, pace = tmp_path / "0.shard", tmp_path / "pace"
    events = [Event(line, "o/s/b/r", line, b'{"x": "\\t"}') for line in range(150)]
    replay.write_shards(events, [shard])
    pace.write_text(records_per_s)
    chunks = list(replay._chunks(shard, replay._Pace(pace)))
    assert {len(chunk) for chunk in chunks[:-1]} == {together}
    assert [line for chunk in chunks for line, _, _ in chunk] == list(range(150))
    assert {value for chunk in chunks for _, _, value in chunk} == {b'{"x": "\\t"}'}
