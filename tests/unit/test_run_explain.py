"""`anabranch run --explain` leaves what runs of the job wrote alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anabranch.cli.run import command
from anabranch.connectors.flink.session import TableColumn
from anabranch.pipelines import context as context_module

JOB = """from dataclasses import dataclass

from anabranch.pipelines import Job


@dataclass(frozen=True)
class Log:
    run: str


job = Job("watch")
job.read("logs", Log).write("runs", Log, ids="none")
"""


class _Session:
    """Takes all statements, and keeps where the JVM would log."""

    logs: list[Path]

    def __init__(self, options: dict[str, str], *, log_folder: Path, **others: object) -> None:
        self.logs.append(log_folder)

    def columns(self, name: str) -> tuple[TableColumn, ...]:
        return (TableColumn("run", "STRING"),)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: "the plan"


def test_the_log_of_a_plan_is_none_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(context_module, "FlinkSession", _Session)
    monkeypatch.setattr(_Session, "logs", [], raising=False)
    (tmp_path / "job.py").write_text(JOB)
    result = CliRunner().invoke(command, [str(tmp_path), "--topology", "t.yaml", "--explain"])
    assert result.output == "the plan\n"
    [log] = _Session.logs
    assert log.parent.name.startswith("anabranch-explain-")
    assert not (tmp_path / "state").exists()
