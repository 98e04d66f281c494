"""The commands on streams, on real brokers."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from anabranch.cli.main import cli
from anabranch.connectors import PrismProducer, RecordId, record_headers
from anabranch.connectors.dead_letters import DeadLetter, LetterBox, read_dead_letters
from anabranch.connectors.readers import UnionReader
from anabranch.connectors.replay import replay
from anabranch.devkit import process
from anabranch.errors import ConfigurationError, DeliveryError, UnavailableError

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, StreamMaker

pytestmark = pytest.mark.brokers


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=stdin)


def tail(stream: StreamHandle, *options: str) -> list[dict[str, object]]:
    result = run("tail", stream.name, "--topology", stream.topology, "--until-end", "--json", *options)
    assert result.exception is None, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_lines_go_in_and_come_out_of_all_primaries(stream: StreamHandle, tmp_path: Path) -> None:
    lines = [f"line {number} ä" for number in range(300)]
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = run("produce", stream.name, str(path), "--topology", stream.topology)
    assert result.exception is None, result.output
    assert "300 of 300 acknowledged" in result.stderr
    records = tail(stream)
    assert sorted(str(record["value"]) for record in records) == sorted(lines)
    assert {record["primary"] for record in records} == {"a", "b"}
    assert len({record["id"] for record in records}) == 300


def test_that_there_are_no_records_is_said(stream: StreamHandle) -> None:
    result = run("tail", stream.name, "--topology", stream.topology, "--until-end")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no records\n")


def test_a_scope_makes_the_same_lines_count_once(stream: StreamHandle) -> None:
    for _ in range(2):
        run("produce", stream.name, "--topology", stream.topology, "--id-scope", "f", stdin="one\ntwo\n")
    assert len(tail(stream)) == 4
    records = tail(stream, "--dedup")
    assert {(record["id"], record["value"]) for record in records} == {
        (RecordId.supplied("f", 0).hex(), "one"),
        (RecordId.supplied("f", 1).hex(), "two"),
    }


def test_two_processes_with_one_scope_at_one_time_count_once(stream: StreamHandle, tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(2_000)]
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    argv: list[str | Path] = [Path(sys.executable).with_name("anabranch"), "produce", stream.name, path]
    argv += ["--topology", stream.topology, "--id-scope", "both"]
    running = [process.start(argv, log=tmp_path / f"{place}.log", cwd=tmp_path) for place in range(2)]
    process.await_condition(lambda: not any(map(process.alive, running)), 100, "the ends of both")
    assert [process.exit_code(ref) for ref in running] == [0, 0]
    assert len(tail(stream)) == 2 * len(lines)
    assert sorted(str(record["value"]) for record in tail(stream, "--dedup")) == sorted(lines)


@pytest.mark.long
def test_a_process_that_stood_still_for_longer_than_max_block_fails_nothing(stream: StreamHandle) -> None:
    argv = [str(Path(sys.executable).with_name("anabranch")), "produce", stream.name]
    argv += ["--topology", stream.topology, "--max-block", "3"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        for number in range(1_000):
            if number in (300, 600):
                running.send_signal(signal.SIGSTOP)
                time.sleep(6)
                running.send_signal(signal.SIGCONT)
            running.stdin.write(f"{number}\n")
            running.stdin.flush()
            time.sleep(0.005)
        running.stdin.close()
        told = running.stderr.read()
    assert running.returncode == 0, told
    assert sorted(int(str(each["value"])) for each in tail(stream, "--dedup")) == list(range(1_000))


def test_keys_come_from_a_field_or_from_before_a_separator(stream: StreamHandle) -> None:
    topology = ("--topology", stream.topology)
    run("produce", stream.name, *topology, "--key", "run", stdin='{"run":"r1"}\n{"run":7}\n')
    run("produce", stream.name, *topology, "--key-separator", "|", stdin="k|v|w\n")
    assert {(record["key"], record["value"]) for record in tail(stream)} == {
        ("r1", '{"run":"r1"}'),
        ("7", '{"run":7}'),
        ("k", "v|w"),
    }
    result = run("produce", stream.name, *topology, "--key", "run", stdin='{"run":"x"}\n{"walk":1}\n')
    assert isinstance(result.exception, DeliveryError)
    assert "line 2: there is no field 'run'" in result.output
    assert len(tail(stream)) == 4


def test_a_line_that_is_too_large_is_named_and_the_others_go(stream: StreamHandle) -> None:
    text = "small\n" + "x" * 2_000_000 + "\nlast\n"
    result = run("produce", stream.name, "--topology", stream.topology, stdin=text)
    assert isinstance(result.exception, DeliveryError)
    assert "1 of 3 lines" in str(result.exception)
    assert "line 2: the record is refused" in result.stderr
    assert sorted(str(record["value"]) for record in tail(stream)) == ["last", "small"]


def test_tail_waits_for_what_comes_and_stops_at_count(stream: StreamHandle) -> None:
    run("produce", stream.name, "--topology", stream.topology, stdin="old\n")
    over = threading.Event()

    def keep_sending() -> None:
        with PrismProducer(stream.topology, stream.name) as producer:
            while not over.wait(0.2):
                producer.send(b"new")

    thread = threading.Thread(target=keep_sending)
    thread.start()
    result = run("tail", stream.name, "--topology", stream.topology, "--count", "2", "--timeout", "60")
    over.set()
    thread.join()
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.endswith("\tnew") for line in lines)


def test_a_primary_that_is_down_is_said_and_the_others_are_read(stream: StreamHandle) -> None:
    run("produce", stream.name, "--topology", stream.topology, stdin="1\n2\n3\n4\n")
    whole = tail(stream)
    stream.loop.broker("b").kill()
    result = run("tail", stream.name, "--topology", stream.topology, "--from", "earliest", "--timeout", "8")
    assert result.exception is None, result.output
    assert len(result.stdout.splitlines()) == sum(record["primary"] == "a" for record in whole) > 0
    assert "primary b:" in result.stderr


def test_a_primary_that_returns_is_read_from_where_it_was_left(stream: StreamHandle) -> None:
    run("produce", stream.name, "--topology", stream.topology, stdin="1\n2\n3\n4\n")
    got: list[bytes | None] = []
    with UnionReader(stream.topology, stream.name) as reader:
        poll_until(reader, got, lambda: len(got) >= 4)
        stream.loop.broker("b").kill()
        poll_until(reader, got, lambda: "b" in reader.problems())
        run("produce", stream.name, "--topology", stream.topology, stdin="5\n6\n")
        stream.loop.broker("b").restart()
        poll_until(reader, got, lambda: not reader.problems())
        run("produce", stream.name, "--topology", stream.topology, "--home", "b", stdin="7\n")
        poll_until(reader, got, lambda: b"7" in got)
    assert sorted(value or b"" for value in got) == [b"1", b"2", b"3", b"4", b"5", b"6", b"7"]


def test_from_the_latest_is_from_the_moment_of_the_call(stream: StreamHandle) -> None:
    run("produce", stream.name, "--topology", stream.topology, stdin="before\n")
    time.sleep(0.1)
    got: list[bytes | None] = []
    with PrismProducer(stream.topology, stream.name) as producer:
        producer.send(b"warm")
        producer.flush()
        time.sleep(0.1)
        with UnionReader(stream.topology, stream.name, start="latest") as reader:
            # The reader's clients are not there yet.
            for number in range(20):
                producer.send(b"%d" % number)
            producer.flush()
            poll_until(reader, got, lambda: len(got) >= 20)
    assert sorted(got, key=lambda value: int(value or b"-1")) == [b"%d" % number for number in range(20)]


def poll_until(reader: UnionReader, got: list[bytes | None], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"got {len(got)}, problems {reader.problems()}"
        got.extend(record.value for record in reader.poll(0.1))


def test_latest_by_version_prints_the_newest_of_each_key(stream: StreamHandle) -> None:
    def upsert(key: bytes, value: bytes, version: int, *, delete: bool = False) -> None:
        headers: list[tuple[str, bytes | None]] = [(record_headers.VERSION, version.to_bytes(12, "big"))]
        if delete:
            headers.append((record_headers.OP, record_headers.OP_DELETE))
        producer.send(value, key=key, headers=headers)

    with PrismProducer(stream.topology, stream.name) as producer:
        for version in (3, 1, 2):
            upsert(b"k1", b"v%d" % version, version)
        upsert(b"k2", b"kept", 1 << 64)
        upsert(b"k2", b"{}", 5, delete=True)
        upsert(b"k3", b"old", 5)
        upsert(b"k3", b"{}", 6, delete=True)
    records = tail(stream, "--latest-by-version")
    assert {(record["key"], record["value"]) for record in records} == {("k1", "v3"), ("k2", "kept")}


def test_an_upsert_by_hand_is_read_by_its_version(stream: StreamHandle) -> None:
    lines = "".join(f'{{"run":"k1","n":{number}}}\n' for number in range(8))
    topology = ("--topology", stream.topology)
    assert run("produce", stream.name, *topology, "--key", "run", "--upsert", stdin=lines).exception is None
    assert {record["primary"] for record in tail(stream)} == {"a", "b"}
    run(
        "produce",
        stream.name,
        *topology,
        "--key",
        "run",
        "--upsert",
        stdin='{"run":"k2"}\n{"run":"k1","n":8}\n',
    )
    records = tail(stream, "--latest-by-version")
    assert {(record["key"], record["value"]) for record in records} == {
        ('{"run":"k1"}', '{"run":"k1","n":8}'),
        ('{"run":"k2"}', '{"run":"k2"}'),
    }


def test_what_only_a_wiped_primary_had_goes_back_to_an_older_version(stream: StreamHandle) -> None:
    def put(number: int, home: str) -> str:
        line = f'{{"run":"k","n":{number}}}'
        to = ("--key", "run", "--upsert", "--home", home)
        assert run("produce", stream.name, "--topology", stream.topology, *to, stdin=line).exception is None
        return line

    def newest() -> list[object]:
        return [record["value"] for record in tail(stream, "--latest-by-version")]

    older, newer = put(1, "a"), put(2, "b")
    assert newest() == [newer]
    stream.loop.broker("b").wipe({stream.name: stream.partitions})
    assert newest() == [older], "with one copy nobody else had the newer one"
    again = put(3, "a")
    assert newest() == [again]


def test_records_without_a_version_are_said_to_be_of_unknown_age(stream: StreamHandle) -> None:
    topology = ("--topology", stream.topology)
    run("produce", stream.name, *topology, "--key", "run", stdin='{"run":"k1"}\n{"run":"k1"}\n')
    result = run("tail", stream.name, *topology, "--until-end", "--latest-by-version")
    assert len(result.stdout.splitlines()) == 1
    assert "2 records without a version" in result.stderr
    assert "--upsert" in result.stderr
    run("produce", stream.name, *topology, stdin="1\n2\n3\n")
    result = run("tail", stream.name, *topology, "--until-end", "--latest-by-version")
    assert len(result.stdout.splitlines()) == 4
    assert "3 records without a key" in result.stderr, "a version would tell no more of them"
    assert "2 records without a version" in result.stderr


def test_without_any_primary_there_is_one_screen_with_what_to_do(stream: StreamHandle) -> None:
    for primary in stream.document["groups"]["test"]["primaries"].values():
        primary["bootstrap"] = ["127.0.0.1:1"]
    # Two primaries at one address are refused; so keep one.
    del stream.document["groups"]["test"]["primaries"]["b"]
    stream.topology_path.unlink()
    stream.publish()
    result = run("tail", stream.name, "--topology", stream.topology, "--until-end")
    assert isinstance(result.exception, UnavailableError)
    assert "Connection refused" in str(result.exception)
    assert "anabranch dev status" in str(result.exception)
    sent = run("produce", stream.name, "--topology", stream.topology, "--max-block", "1", stdin="x\n")
    assert isinstance(sent.exception, DeliveryError)
    assert "Connection refused" in sent.stderr + str(sent.exception)
    assert len(str(sent.exception).splitlines()) < 10


def test_what_is_wrong_is_told_though_there_was_no_time_for_a_last_answer(stream: StreamHandle) -> None:
    stream.document["groups"]["test"]["streams"][stream.name]["topic"] = "nowhere"
    stream.publish()
    # The second try comes after a second, and has next to nothing left.
    with UnionReader(stream.topology, stream.name, until_end=True, deadline_s=1.001) as reader:
        for _ in reader.batches():
            pass
        problems = reader.problems()
    assert sorted(problems) == ["a", "b"]
    assert all("does not exist" in problem for problem in problems.values()), problems


def test_a_missing_topic_is_one_screen(stream: StreamHandle) -> None:
    stream.document["groups"]["test"]["streams"][stream.name]["topic"] = "nowhere"
    stream.publish()
    result = run("tail", stream.name, "--topology", stream.topology, "--until-end")
    assert isinstance(result.exception, UnavailableError)
    assert "topic 'nowhere' does not exist" in str(result.exception)
    assert "create the topic" in str(result.exception)
    began = time.monotonic()
    sent = run("produce", stream.name, "--topology", stream.topology, stdin="x\ny\n")
    assert time.monotonic() - began < 30, "the default --max-block is twice that"
    assert isinstance(sent.exception, DeliveryError)
    assert str(sent.exception).count("nknown topic") == 2
    assert "create the topic" in str(sent.exception)


@pytest.fixture
def letters(make_stream: StreamMaker) -> StreamHandle:
    """A stream of letters, in whose document the stream ``logs`` is too."""
    logs = make_stream(prefix="logs")
    handle = make_stream(prefix="dead-letters")
    streams = handle.document["groups"]["test"]["streams"]
    streams["logs"] = {"topic": logs.name, "partitions": logs.partitions}
    handle.publish()
    return handle


def letter(number: int, value: bytes, **changes: object) -> DeadLetter:
    return DeadLetter.refused(
        "logs",
        RecordId.supplied("t", number),
        value,
        reason="malformed",
        detail="not JSON",
        key=b"k%d" % number,
        timestamp_ms=1_700_000_000_000 + number,
        headers=[("anabranch-id", RecordId.supplied("t", number)), ("colour", b"red")],
    )


def test_a_letter_comes_back_as_it_was_written(letters: StreamHandle) -> None:
    whole, cut = letter(1, b"\xff{bad"), letter(2, b"y" * 100_000)
    for _ in range(2):
        with LetterBox(letters.topology, letters.name) as box:
            box.put(whole)
            box.put(cut)
    found = read_dead_letters(letters.topology, letters.name)
    assert sorted(found.letters, key=lambda each: each.record_id.sequence) == [whole, cut]
    assert found.strangers == 0
    assert whole.complete
    assert not cut.complete
    assert cut.value_sha256 == hashlib.sha256(b"y" * 100_000).digest()


def test_letters_are_shown_mended_and_replayed_once(letters: StreamHandle, tmp_path: Path) -> None:
    with LetterBox(letters.topology, letters.name) as box:
        for number in range(4):
            box.put(letter(number, b"bad %d" % number))
    where = ("--topology", letters.topology, "--stream", letters.name)
    shown = [json.loads(line) for line in run("dead-letters", "show", *where, "--json").stdout.splitlines()]
    shown.sort(key=lambda each: str(each["value"]))
    assert [each["value"] for each in shown] == [f"bad {number}" for number in range(4)]
    mended = tmp_path / "mended.jsonl"
    mended.write_text("\n".join(json.dumps({**each, "value": "good"}) for each in shown[:2]))
    for _ in range(2):
        result = run("dead-letters", "replay", *where, "--mended", str(mended))
        assert result.exception is None, result.output
        assert "2 of 2 replayed" in result.stdout
    streams = letters.document["groups"]["test"]["streams"]
    with UnionReader(letters.topology, "logs", until_end=True) as reader:
        records = list(reader)
    assert streams["logs"]["topic"] == records[0].topic
    assert len(records) == 4
    assert len({each.id for each in records}) == 2
    assert {(each.key, each.value, each.timestamp_ms) for each in records} == {
        (b"k%d" % n, b"good", 1_700_000_000_000 + n) for n in range(2)
    }
    assert all(each.header("colour") == b"red" and len(each.headers) == 2 for each in records)


def test_a_truncated_letter_is_replayed_only_when_mended(letters: StreamHandle) -> None:
    cut = letter(1, b"y" * 100_000)
    result = replay(letters.topology, [cut])
    assert result.sent == []
    assert "65536 of its 100000 bytes" in result.skipped[cut.record_id]
    assert replay(letters.topology, [cut], mended={cut.record_id: b"short"}).sent == [cut.record_id]
    again = replay(letters.topology, [letter(2, b"whole")], number=2)
    assert again.sent == [RecordId.supplied("t", 2)]
    with UnionReader(letters.topology, "logs", until_end=True) as reader:
        found = {record.value: record.id for record in reader}
    assert found.keys() == {b"short", b"whole"}
    assert found[b"whole"] == RecordId.replayed(RecordId.supplied("t", 2), 2)


def test_replay_wants_a_choice_and_known_letters(letters: StreamHandle, tmp_path: Path) -> None:
    where = ("--topology", letters.topology, "--stream", letters.name)
    assert "choose letters" in run("dead-letters", "replay", *where).output
    mended = tmp_path / "mended.jsonl"
    mended.write_text('{"record_id": "00", "value": "x"}')
    result = run("dead-letters", "replay", *where, "--mended", str(mended))
    assert isinstance(result.exception, ConfigurationError)
    assert f"{mended}:1" in str(result.exception)
    mended.write_text(json.dumps({"record_id": "00" * 16, "value": "x"}))
    result = run("dead-letters", "replay", *where, "--mended", str(mended))
    assert isinstance(result.exception, ConfigurationError)
    assert "no letters here" in str(result.exception)
