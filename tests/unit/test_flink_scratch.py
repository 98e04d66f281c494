"""Folders for what passes: none stays behind for good, and none goes while its process lives."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from anabranch.connectors.flink import scratch

_HOLDER = """
import sys
from anabranch.connectors.flink.scratch import scratch_folder
print(scratch_folder(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


@pytest.mark.parametrize("killed", [True, False])
def test_a_folder_stays_while_its_process_lives_and_goes_with_it(temporary: Path, killed: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        folder = Path(child.stdout.readline().strip())
        (folder / "library.so").touch()
        first = scratch.scratch_folder()
        assert sorted(temporary.iterdir()) == sorted([folder, first])
        if killed:
            child.send_signal(signal.SIGKILL)
        child.communicate()
    assert folder.exists() == killed
    second = scratch.scratch_folder()
    assert sorted(temporary.iterdir()) == sorted([first, second])


def test_what_is_not_ours_is_left_alone(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = temporary / "kept"
    (kept / "data").mkdir(parents=True)
    (temporary / "anabranch-scratch-link").symlink_to(kept)
    (temporary / "anabranch-scratch-file").touch()
    (temporary / "anabranch-jvm-old").mkdir()
    before = set(temporary.iterdir())
    scratch.scratch_folder()
    assert before < set(temporary.iterdir())
    assert (kept / "data").exists()
    (temporary / "anabranch-scratch-other").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    scratch.scratch_folder()
    assert (temporary / "anabranch-scratch-other").exists(), "another user's"


def test_one_that_is_swept_before_it_is_held_is_made_anew(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    swept: list[Path] = []

    def late(handle: int, how: int) -> None:
        if not swept:
            swept.extend(temporary.iterdir())
            swept[0].rmdir()
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    made = scratch.scratch_folder()
    assert list(temporary.iterdir()) == [made]
    assert not swept[0].exists()
