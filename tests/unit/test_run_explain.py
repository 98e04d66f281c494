"""`anabranch run --explain` leaves what runs of the job wrote alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from anabranch.cli.run import command
from anabranch.connectors.flink.session import TableColumn
from anabranch.errors import ConfigurationError, JobError
from anabranch.pipelines import context as context_module

NOT_UNIQUE = """org.apache.flink.table.api.ValidationException: The query has an upsert key that differs \
from the primary key of the sink table 'default_catalog.default_database.to-runs'. Primary key: [run]
\tat org.apache.flink.table.api.internal.StatementSetImpl.explain(StatementSetImpl.java:103)
"""
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


class _JavaError(Exception):
    """As PyFlink raises them, with the trace in a field as well."""

    stack_trace = NOT_UNIQUE


class _Refusing(_Session):
    """Cannot plan what it took."""

    def explain(self) -> str:
        raise _JavaError(NOT_UNIQUE)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(_Session, "logs", [], raising=False)
    (tmp_path / "job.py").write_text(JOB)
    return tmp_path / "state"


def explained(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(command, [str(folder), "--topology", "t.yaml", "--explain", *options])


def test_the_log_of_a_plan_is_none_of_a_run(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context_module, "FlinkSession", _Session)
    assert explained(state.parent).output == "the plan\n"
    [log] = _Session.logs
    assert log.parent.name.startswith("anabranch-explain-")
    assert not state.exists()


def test_what_cannot_be_planned_is_told_as_a_run_tells_it(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_module, "FlinkSession", _Refusing)
    error = explained(state.parent).exception
    assert isinstance(error, JobError)
    assert str(error.where).endswith("job.py:12")
    assert str(error.hint).startswith("let key= of that write name the columns")
    assert len(list((state / "anabranch" / "jobs" / "watch" / "traces").iterdir())) == 1


def test_an_option_of_inputs_is_looked_at_before_a_plan_too(state: Path) -> None:
    options = "Log, options={'out-of-rang': 'park'}"
    job = state.parent / "job.py"
    job.write_text(JOB.replace('"logs", Log', f'"logs", {options}'))
    with pytest.raises(ConfigurationError, match="no option 'out-of-rang'"):
        raise explained(state.parent).exception or AssertionError


def test_a_job_that_writes_nothing_has_no_plan(state: Path) -> None:
    (state.parent / "job.py").write_text(JOB.partition(".write")[0])
    with pytest.raises(ConfigurationError, match="job watch writes nothing"):
        raise explained(state.parent).exception or AssertionError
