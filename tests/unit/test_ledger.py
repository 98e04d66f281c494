"""The ledger's file: what is written is read back, also after a producer was killed."""

from __future__ import annotations

import hashlib
import os
import signal
import struct
import threading
import time
from pathlib import Path

import pytest

from anabranch.devkit.ledger import LedgerWriter, Places, content_hash, read_ledger, read_sealed_ledger
from anabranch.errors import ConfigurationError


def test_ledger_of_two_processes_reads_back(tmp_path: Path) -> None:
    for number in range(2):
        writer = LedgerWriter(tmp_path / f"{number}.ledger")
        writer.sent([(number * 10 + i, -i) for i in range(3)])
        writer.acknowledged(number * 10, primary=number, partition=7, offset=1 << 40)
        writer.acknowledged(number * 10, primary=1 - number, partition=2, offset=5)
        writer.unknown(number * 10 + 1)
        writer.failed(number * 10 + 2)
        writer.close()
    ledger = read_ledger(sorted(tmp_path.glob("*.ledger")))
    assert ledger.sent == {0: 0, 1: -1, 2: -2, 10: 0, 11: -1, 12: -2}
    assert ledger.acknowledged == {0: (0, 1), 10: (1, 0)}
    assert [list(ledger.places[0].lines), list(ledger.places[1].lines)] == [[0, 10], [0, 10]]
    seven = Places.number(7, 1 << 40)
    assert [list(ledger.places[0].at), list(ledger.places[1].at)] == [
        [seven, Places.number(2, 5)],
        [Places.number(2, 5), seven],
    ]
    assert ledger.unknown == {1, 11}
    assert ledger.failed == {2, 12}


def test_sent_entries_survive_a_killed_producer(tmp_path: Path) -> None:
    path = tmp_path / "0.ledger"
    child = os.fork()
    if child == 0:
        writer = LedgerWriter(path)
        writer.sent([(1, 11), (2, 22)])
        writer.acknowledged(1, 0, 0, 0)  # buffered: may be lost, which only makes the check stricter
        time.sleep(60)
        os._exit(0)
    deadline = time.monotonic() + 10
    while (not path.exists() or path.stat().st_size < 48) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert read_ledger([path]).sent == {1: 11, 2: 22}


def test_entries_of_two_threads_are_all_kept(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path / "0.ledger")
    lines = range(30_000)

    def send() -> None:
        for line in lines:
            writer.sent([(line, line)])

    def acknowledge() -> None:
        for line in lines:
            writer.acknowledged(line, 0, 0, line)

    threads = [threading.Thread(target=send), threading.Thread(target=acknowledge)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    ledger = read_ledger([tmp_path / "0.ledger"])
    assert len(ledger.sent) == len(ledger.acknowledged) == len(lines)


def test_torn_last_entry_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "0.ledger"
    writer = LedgerWriter(path)
    writer.sent([(1, 11)])
    writer.close()
    with path.open("ab") as file:
        file.write(b"\x01\x00\x00")
    assert read_ledger([path]).sent == {1: 11}


def test_sealed_ledger_holds_every_entry_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "0.ledger"
    writer = LedgerWriter(path)
    writer.sent([(line, -line) for line in range(5_000)])
    for line in range(5_000):
        writer.acknowledged(line, 0, 0, line)
    seals = {path.name: writer.close()}
    assert seals[path.name].entries == 10_000
    assert read_sealed_ledger(tmp_path, seals) == read_ledger([path])


@pytest.mark.parametrize("size", [5, 24, 64, 5_000])
def test_ledger_whose_tail_is_gone_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "0.ledger"
    writer = LedgerWriter(path)
    writer.sent([(line, -line) for line in range(500)])
    seals = {path.name: writer.close()}
    path.write_bytes(path.read_bytes()[:-size])
    with pytest.raises(ConfigurationError, match=r"0\.ledger is damaged"):
        read_sealed_ledger(tmp_path, seals)


def test_content_hash_is_the_head_of_sha256_as_a_signed_number() -> None:
    (expected,) = struct.unpack(">q", hashlib.sha256(b"{}").digest()[:8])
    assert content_hash(b"{}") == expected
