"""Versions of upserts, given and compared."""

from __future__ import annotations

from anabranch.connectors import record_headers
from anabranch.connectors.union_records import LatestByVersion, StreamRecord
from anabranch.connectors.versions import VersionClock


def record(value: bytes, version: bytes | None, key: bytes | None = b"k") -> StreamRecord:
    headers = [] if version is None else [(record_headers.VERSION, version)]
    return StreamRecord("a", "t", 0, 0, 0, key, value, headers)


def test_versions_rise_though_the_clock_stands_or_goes_back() -> None:
    times = iter([1000, 1000, 900, 1001])
    clock = VersionClock(lambda: next(times))
    given = [clock.next() for _ in range(4)]
    assert given == sorted(set(given))
    assert {len(each) for each in given} == {record_headers.VERSION_BYTES}
    assert given[0] == bytes(4) + (1000 << 16).to_bytes(8, "big")
    assert given[3] == bytes(4) + (1001 << 16).to_bytes(8, "big")


def test_records_without_a_version_are_counted_and_lose() -> None:
    latest = LatestByVersion()
    assert latest.accept(record(b"first", None))
    assert not latest.accept(record(b"second", None))
    assert latest.accept(record(b"third", VersionClock().next()))
    assert not latest.accept(record(b"fourth", None))
    assert [each.value for each in latest.latest()] == [b"third"]
    assert latest.unversioned == 3


def test_records_without_a_key_are_all_kept() -> None:
    latest = LatestByVersion()
    assert all(latest.accept(record(b"%d" % number, None, key=None)) for number in range(3))
    assert latest.accept(record(b"other", VersionClock().next()))
    assert [each.value for each in latest.latest()] == [b"0", b"1", b"2", b"other"]
    assert (latest.unkeyed, latest.unversioned) == (3, 0), "it is the key that they lack"
