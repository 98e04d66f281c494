"""One run of a job at a time in one folder, and none that ended without a word holds it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anabranch.errors import ConfigurationError
from anabranch.pipelines.only_run import only_run_here

HOLD = """
import sys, pathlib
from anabranch.pipelines.only_run import only_run_here
with only_run_here("count", pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_run_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with (
            pytest.raises(ConfigurationError, match=f"count runs here already, as process {first.pid}"),
            only_run_here("count", tmp_path),
        ):
            pass
        with only_run_here("count", tmp_path / "of-another-job"):
            pass
        first.kill()
        first.wait()
        with only_run_here("count", tmp_path):
            assert (tmp_path / "running").read_text() == f"{os.getpid()}\n"
    with only_run_here("count", tmp_path):
        pass
