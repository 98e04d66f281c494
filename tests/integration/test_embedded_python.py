"""Python functions of a job that runs in this process, whatever Python is first on PATH."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from anabranch.devkit import process

pytestmark = [pytest.mark.long, pytest.mark.flink, pytest.mark.timeout(300)]

JOB = """
from dataclasses import dataclass
from anabranch.pipelines import Job

@dataclass(frozen=True)
class Run:
    run: str
    minutes: float

job = Job("halves")
runs = job.read("runs", Run)

@job.function
def half(minutes: float) -> float:
    return minutes / 2

job.sql(f"SELECT run, {half}(minutes) AS half FROM {runs}").write("halves", ids="none")
"""
SCRIPT = """
import sys
from anabranch.pipelines.testing import load, run_on_files

rows = [{"run": "a", "minutes": 3.0}]
print(run_on_files(load(sys.argv[1]), {"runs": rows}, parallelism=1)["halves"])
"""


def test_functions_find_their_packages_though_another_python_is_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(sys.executable).parent
    others = [folder for folder in os.environ["PATH"].split(os.pathsep) if Path(folder) != own]
    monkeypatch.setenv("PATH", os.pathsep.join(others))
    (tmp_path / "job.py").write_text(JOB)
    # In a process of its own, since each has one JVM for good.
    done = process.run([sys.executable, "-c", SCRIPT, str(tmp_path)], timeout_s=280)
    assert done.code == 0, done.output
    assert done.output.splitlines()[-1] == "[{'run': 'a', 'half': 1.5}]"
