"""Files, locks and ports that several commands share."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from anabranch.devkit import ports, state
from anabranch.devkit.ports import claim_ports, release_ports
from anabranch.errors import EnvironmentMissingError, UnavailableError
from anabranch.pipelines.ports import is_free


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_homes_follow_the_specification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state.loops_home() == tmp_path / "state" / "anabranch" / "loops"
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert state.state_home() == Path("/home/somebody/.local/state/anabranch")
    assert state.cache_home() == Path("/home/somebody/.cache/anabranch")


def test_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    assert state.read_json(path) is None
    done = threading.Event()

    def write() -> None:
        for number in range(200):
            state.write_json(path, {"n": [number] * 2000})
        done.set()

    state.write_json(path, {"n": [0]})
    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert len(set(state.read_json(path)["n"])) == 1
    writer.join()
    assert [entry.name for entry in tmp_path.iterdir()] == ["value.json"]


def test_a_file_is_on_the_disk_before_it_replaces_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "value.json"
    state.write_json(path, 1)
    seen: list[tuple[str, str]] = []

    def sync(handle: int) -> None:
        seen.append((Path(f"/proc/self/fd/{handle}").read_text(), path.read_text()))

    monkeypatch.setattr("os.fsync", sync)
    state.write_json(path, 2)
    assert seen == [("2\n", "1\n")]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"null"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "value.json"
    path.write_bytes(content)
    with pytest.raises(state.DamagedError, match="damaged") as caught:
        state.read_json(path)
    assert caught.value.where == str(path)


def test_secrets_are_for_the_owner_only(tmp_path: Path) -> None:
    state.write_atomically(tmp_path / "password", "x", mode=0o600)
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600


def test_lock_excludes_threads_and_ends_with_the_block(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        state.exclusive(lock, timeout_s=0, what="it"),
        pytest.raises(UnavailableError, match="it is being worked on by another command"),
        state.exclusive(lock, timeout_s=0.1, what="it"),
    ):
        pass
    with state.exclusive(lock, timeout_s=0, what="it"):
        pass


def test_lock_whose_file_goes_excludes_all_the_same(tmp_path: Path) -> None:
    lock, inside, most = tmp_path / "lock", 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with state.exclusive(lock, timeout_s=60, what="it", stays=False):
                inside += 1
                most = max(most, inside)
                time.sleep(0.001)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert list(tmp_path.iterdir()) == []


def test_lock_that_is_waited_for_while_its_file_goes_is_not_held_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"
    real = state._is_at
    seen: list[bool] = []

    def removed_first(path: Path, file: IO[str]) -> bool:
        if not seen:
            path.unlink()  # as the holder does between the opening and the locking by another
        seen.append(real(path, file))
        return seen[-1]

    monkeypatch.setattr(state, "_is_at", removed_first)
    with state.exclusive(lock, timeout_s=1, what="it", stays=False):
        assert lock.exists()
    assert seen == [False, True]


def test_two_at_once_get_different_ports(tmp_path: Path) -> None:
    owners = [tmp_path / name for name in ("one", "two", "three")]
    for owner in owners:
        owner.mkdir()
    with ThreadPoolExecutor(3) as pool:  # the lock is as good between threads as between processes
        claims = list(pool.map(lambda owner: claim_ports(20, owner), owners))
    found = [port for claim in claims for port in claim]
    assert len(found) == len(set(found)) == 60
    assert all(is_free(port) for port in found)


def test_ports_come_back_on_release_and_with_the_owners_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_LAST", ports._FIRST + 4)  # room for four
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    claimed = claim_ports(4, one)
    with pytest.raises(EnvironmentMissingError, match="fewer than 1 free ports"):
        claim_ports(1, two)
    release_ports(one)
    assert sorted(claim_ports(4, two)) == sorted(claimed)
    two.rmdir()  # its loop is gone without saying so
    assert sorted(claim_ports(4, one)) == sorted(claimed)


def test_port_of_a_stranger_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        monkeypatch.setattr(ports, "_FIRST", port)
        monkeypatch.setattr(ports, "_LAST", port + 1)
        assert not is_free(port)
        with pytest.raises(EnvironmentMissingError, match="fewer than 1 free ports"):
            claim_ports(1, tmp_path)
