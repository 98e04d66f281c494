"""The demo as a user runs it: clean under every fault, and able to say when the pipeline is broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EVENTS = 20_000


def run_demo(folder: Path, *arguments: str, timeout_s: float) -> tuple[int, dict[str, Any]]:
    """Runs the command; returns its exit code and the verdict from the last line of stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "anabranch.cli", "demo", "--json", "--report", str(folder / "report.html"),
         *arguments],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )  # fmt: skip
    (folder / "progress.txt").write_text(done.stderr)
    assert done.stdout.strip(), done.stderr
    verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, verdict


@pytest.mark.brokers
@pytest.mark.flink
@pytest.mark.timeout(600)
def test_killed_primary_loses_and_doubles_nothing(tmp_path: Path) -> None:
    # A minute of work, and yet among the quick tests: no change may land that breaks the main job.
    arguments = ("--limit", str(EVENTS), "--fault", "kill", "--seed", "3", "--keep", str(tmp_path / "kept"))
    code, verdict = run_demo(tmp_path, *arguments, timeout_s=580)
    assert (code, verdict["verdict"]) == (0, "OK"), verdict
    figures = verdict["figures"]
    assert figures["acknowledged"] == figures["sent"] >= EVENTS
    assert figures["raw_duplicates"] > 0
    assert figures["dead_lettered"] == figures["planted"]
    assert verdict["equal_scores"] == figures["groups"]
    # A local cloud where Node is installed; either way nothing of it is left.
    assert verdict["checkpoints"].startswith(("abfss://", f"file://{tmp_path}/state/anabranch/loops/demo-"))
    assert not list((tmp_path / "state" / "anabranch" / "jobs").glob("*/checkpoints"))
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "kill -9 primary" in report
    told = re.search(r"([\d.]+ s)  (kill -9 primary .)\n", (tmp_path / "progress.txt").read_text())
    assert told is not None
    assert re.search(rf">{re.escape(told[1])}</text><text [^>]*>{told[2]}</text>", report), (
        "at one time in both"
    )
    assert "http" not in report.replace("http://www.w3.org", "")
    again = subprocess.run(
        [sys.executable, "-m", "anabranch.cli", "verify", str(tmp_path / "kept")], cwd=ROOT, check=False
    )
    assert again.returncode == 0


@pytest.mark.long
@pytest.mark.brokers
@pytest.mark.flink
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "arguments",
    [
        ("--fault", "none"),
        ("--fault", "pause"),
        ("--fault", "taskmanager", "--blob"),
        ("--fault", "taskmanager", "--no-blob"),
        ("--fault", "wipe", "--copies", "2"),
        ("--fault", "kill", "--primaries", "3"),
        ("--fault", "kill", "--secure", "scram"),
        ("--fault", "pause", "--secure", "mtls"),
    ],
    ids=lambda arguments: "-".join(arguments).replace("--", ""),
)
def test_other_faults_are_clean(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, verdict = run_demo(tmp_path, "--limit", "100000", *arguments, timeout_s=580)
    assert (code, verdict["verdict"]) == (0, "OK"), verdict
    assert verdict["figures"]["acknowledged"] == verdict["figures"]["sent"], verdict
    if "taskmanager" in arguments:
        scheme = "abfss" if "--blob" in arguments else "file"
        assert verdict["checkpoints"].startswith(f"{scheme}://"), verdict
        assert verdict["restored_from"], verdict
        # Flink writes one slash where the folder was given with three.
        folder = verdict["checkpoints"].replace("file:///", "file:/")
        assert all(path.startswith(folder) for path in verdict["restored_from"]), verdict


@pytest.mark.long
@pytest.mark.brokers
@pytest.mark.flink
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("sabotage", "name"), [("no-dedup", "DUPLICATE"), ("drop", "LOST")])
def test_broken_pipeline_is_found_out(tmp_path: Path, sabotage: str, name: str) -> None:
    code, verdict = run_demo(tmp_path, "--limit", "100000", "--sabotage", sabotage, timeout_s=580)
    assert (code, verdict["verdict"]) == (1, name), verdict


def test_wipe_without_copies_is_refused_before_anything_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "anabranch.cli", "demo", "--fault", "wipe"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--copies 2" in done.stderr
