"""What the README tells a newcomer to type works as it stands."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def console_blocks() -> list[list[str]]:
    """The commands of each console block."""
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    return [
        [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")] for block in blocks
    ]


def test_both_commands_are_targets_of_the_makefile() -> None:
    commands = console_blocks()[0]
    assert commands == ["make demo", "make test"]
    for command in commands:
        subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.brokers
@pytest.mark.parametrize(
    "with_job",
    [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.flink, pytest.mark.timeout(300)])],
)
def test_commands_to_try_by_hand_work(tmp_path: Path, with_job: bool) -> None:
    begin, job, end = console_blocks()[1:]
    commands = [command for command in begin + (job if with_job else []) + end if command != "make setup"]
    # A folder of the test's own that is like the checkout, with the job that is to be saved there.
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "count-runs").mkdir()
    (source,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "count-runs" / "job.py").write_text(source)
    # A state of the test's own: the loop must not meet one that the user has.
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(cache_home())}
    env.pop("XDG_STATE_HOME", None)
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280 if with_job else 110,
            check=False,
        )
    finally:
        # Not left running by a command that fails, or lasts too long.
        subprocess.run(
            [ROOT / ".venv/bin/anabranch", "dev", "down", "--name", "readme"],
            env=env,
            check=False,
            stdout=subprocess.DEVNULL,
        )
    assert done.returncode == 0, done.stdout
    assert '{"run": "r1", "time_ms": 1}' in done.stdout
    assert '{"run": "r2", "time_ms": 2}' in done.stdout
    for run in ("r1", "r2") if with_job else ():
        assert f'{{"run":"{run}","records":1}}' in done.stdout


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def cache_home() -> Path:
    """Where the user's caches are: the jars are not fetched again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
