"""Processes of a loop: started apart, known by more than their pid, ended with all they started."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from anabranch.devkit import process
from anabranch.devkit.process import ProcessRef
from anabranch.errors import UnavailableError

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
# Starts a child in the same session and says so.
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('started', flush=True); time.sleep(600)",
]


def start(argv: list[str], folder: Path, mark: str) -> ProcessRef:
    return process.start(argv, log=folder / "log", cwd=folder, mark=mark)


@pytest.fixture
def mark(tmp_path: Path) -> str:
    return f"test-{tmp_path}"


@pytest.fixture(autouse=True)
def _nothing_left(mark: str) -> object:
    yield None
    process.sweep(mark)


def test_pause_resume_kill(tmp_path: Path, mark: str) -> None:
    ref = start(SLEEP, tmp_path, mark)
    assert process.alive(ref)
    assert process.send(ref, signal.SIGSTOP)
    process.await_condition(lambda: process.paused(ref), 10, "pause")
    assert process.alive(ref), "a stopped process is still there"
    process.send(ref, signal.SIGCONT)
    process.await_condition(lambda: not process.paused(ref), 10, "resume")
    process.kill(ref)
    assert not process.alive(ref)
    assert process.exit_code(ref) == -signal.SIGKILL
    assert not process.send(ref, signal.SIGTERM)


def test_recycled_pid_is_never_signalled(tmp_path: Path, mark: str) -> None:
    ref = start(SLEEP, tmp_path, mark)
    another = ProcessRef(ref.pid, ref.start_ticks - 1)  # who had this pid before
    assert not process.alive(another)
    assert not process.send(another, signal.SIGKILL)
    process.kill(another)
    process.stop(another, grace_s=1)
    assert process.alive(ref)


def test_kill_takes_what_the_process_started(tmp_path: Path, mark: str) -> None:
    ref = start(PARENT, tmp_path, mark)
    process.await_condition(lambda: process.tail(tmp_path / "log") == ["started"], 20, "its child")
    assert len(process.marked(mark)) == 2
    process.kill(ref)
    process.await_condition(lambda: process.marked(mark) == [], 10, "both to be gone")


def test_mark_finds_a_child_of_a_dead_parent(tmp_path: Path, mark: str) -> None:
    ref = start(PARENT, tmp_path, mark)
    process.await_condition(lambda: process.tail(tmp_path / "log") == ["started"], 20, "its child")
    process.send(ref, signal.SIGKILL)
    process.await_condition(lambda: not process.alive(ref), 10, "the parent to be gone")
    (orphan,) = process.marked(mark)
    assert process.alive(orphan)
    assert process.sweep(mark) == 1
    assert not process.alive(orphan)


def test_sweep_leaves_other_loops_alone(tmp_path: Path, mark: str) -> None:
    mine, other = start(SLEEP, tmp_path, mark), start(SLEEP, tmp_path, mark + "-2")
    try:
        assert process.sweep(mark) == 1
        assert not process.alive(mine)
        assert process.alive(other)
    finally:
        process.sweep(mark + "-2")


def test_stop_is_gentle_first(tmp_path: Path, mark: str) -> None:
    handler = "signal.signal(15, lambda *_: sys.exit(3))"
    code = f"import signal, sys, time; {handler}; print('ready', flush=True); time.sleep(600)"
    ref = start([sys.executable, "-c", code], tmp_path, mark)
    process.await_condition(lambda: process.tail(tmp_path / "log") == ["ready"], 20, "its handler")
    process.send(ref, signal.SIGSTOP)  # a paused one must wake up to hear it
    process.stop(ref, grace_s=20)
    assert process.exit_code(ref) == 3


def test_stop_kills_who_does_not_listen(tmp_path: Path, mark: str) -> None:
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
    )
    ref = start([sys.executable, "-c", code], tmp_path, mark)
    process.await_condition(lambda: process.tail(tmp_path / "log") == ["ready"], 20, "its handler")
    process.stop(ref, grace_s=0.2)
    assert process.exit_code(ref) == -signal.SIGKILL


def test_listener_is_told_from_another(tmp_path: Path, mark: str) -> None:
    code = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0));"
        "print(s.getsockname()[1], flush=True); time.sleep(600)"
    )
    ref = start([sys.executable, "-c", code], tmp_path, mark)
    process.await_condition(lambda: process.tail(tmp_path / "log") != [], 20, "its port")
    port = int(process.tail(tmp_path / "log")[0])
    assert process.listens(ref, port)
    assert not process.listens(process.self_ref(), port)
    process.kill(ref)
    assert not process.listens(ref, port)


def test_process_is_there_until_its_last_thread_ends(tmp_path: Path, mark: str) -> None:
    code = (
        "import ctypes, os, threading, time; threading.Thread(target=time.sleep, args=(600,)).start();"
        "print('ready', flush=True); ctypes.CDLL(None).pthread_exit(None)"
    )
    ref = start([sys.executable, "-c", code], tmp_path, mark)
    process.await_condition(lambda: _state(ref) == "Z", 20, "its first thread to end")
    assert process.alive(ref)
    process.kill(ref)
    assert not process.alive(ref)


def _state(ref: ProcessRef) -> str:
    return Path(f"/proc/{ref.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_session_and_folder_are_its_own(tmp_path: Path, mark: str) -> None:
    ref = start(SLEEP, tmp_path, mark)
    assert os.getsid(ref.pid) == os.getpgid(ref.pid) == ref.pid
    assert Path(f"/proc/{ref.pid}/cwd").resolve() == tmp_path.resolve()
    process.await_condition(lambda: (process.memory_mb(ref) or 0) > 0, 20, "its program to be loaded")


def test_run_gives_code_and_output(tmp_path: Path) -> None:
    done = process.run([sys.executable, "-c", "import sys; print('out'); sys.exit('err')"], timeout_s=60)
    assert done.code == 1
    assert sorted(done.output.split()) == ["err", "out"]
    with pytest.raises(UnavailableError, match="did not end within 0 s"):
        process.run(SLEEP, timeout_s=0.3)


def test_run_aloud_tells_each_line_and_ends_what_is_too_slow() -> None:
    heard: list[str] = []
    code = "import sys; print('one'); print('two', file=sys.stderr, flush=True); sys.exit(3)"
    done = process.run_aloud([sys.executable, "-u", "-c", code], timeout_s=60, on_line=heard.append)
    assert (done.code, done.output, heard) == (3, "one\ntwo\n", ["one", "two"])
    with pytest.raises(UnavailableError, match=r"did not end within 0 s"):
        process.run_aloud(SLEEP, timeout_s=0.3, on_line=heard.append)


def test_tail_reads_the_end_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert process.tail(log) == []
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert process.tail(log, 2) == ["line 99998", "line 99999"]


def test_await_names_what_did_not_come() -> None:
    with pytest.raises(UnavailableError, match="waited 0 s for the moon"):
        process.await_condition(lambda: False, 0.05, "the moon")
