"""Describing a job: it starts nothing, and what is wrong is told at the user's own line."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, cast

import pytest

from anabranch.connectors.flink.session import FlinkSession, TableColumn
from anabranch.errors import ConfigurationError, JobError
from anabranch.pipelines import Job, Metadata, Table, first_by, last_by
from anabranch.pipelines.bindings import StreamBinding
from anabranch.pipelines.build import Builder
from anabranch.pipelines.context import RunContext, running_in
from anabranch.pipelines.loader import job_files, load_job
from anabranch.pipelines.settings import Settings
from anabranch.pipelines.shipping import own_modules


@dataclass(frozen=True)
class Log:
    run: str
    value: float | None
    id: Annotated[bytes, Metadata("record-id")]


@dataclass(frozen=True)
class Out:
    run: str
    id: Annotated[bytes, Metadata("record-id")]


@dataclass(frozen=True)
class Maybe:
    run: str | None


@pytest.fixture
def job() -> Iterator[Job]:
    with running_in(RunContext(Settings(topology="t.yaml"))):
        yield Job("watch")


def _line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_describing_starts_nothing() -> None:
    # A process of its own: in this one another test may have imported PyFlink.
    folder = Path(__file__).parents[2] / "flink-jobs" / "training-results"
    script = f"""
import sys
from pathlib import Path
from anabranch.pipelines.context import RunContext
from anabranch.pipelines.loader import load_job
job = load_job(Path({str(folder / "job.py")!r}), RunContext(), Path("none"))
print([name for name in sys.modules if name.split(".")[0] in ("pyflink", "py4j", "pemja")])
print([read.stream for read in job.reads], [write.stream for write in job.writes])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['training-logs'] ['run-results', 'leaderboard']"]


def test_tables_go_into_queries_by_their_names(job: Job) -> None:
    logs = job.read("logs", Log)
    job.sql(f"SELECT run, COUNT(*) AS n FROM {logs} GROUP BY run").write("counts", key="run")
    assert [read.stream for read in job.reads] == ["logs"]
    assert job.queries[0][1] == "SELECT run, COUNT(*) AS n FROM `logs` GROUP BY run"


@pytest.mark.parametrize("uri", ["http://h/t.yaml", "s3://b/t.yaml", "file:///d/t.yaml", "/d/../t.yaml"])
def test_tasks_elsewhere_find_the_topology_by_what_they_are_given(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.chdir(tmp_path)
    logs = job.read("logs", Log)
    logs.write("runs", ids="none")
    for given, wanted in ((uri, uri), ("a:b/t.yaml", f"{tmp_path}/a:b/t.yaml"), ("s://t", "s://t")):
        binding = StreamBinding("watch", Settings(topology=given))
        for statement in (binding.source(job.reads[0]), binding.sink(job.writes[0], job.reads[0].columns)):
            assert f"'topology' = '{wanted}'" in statement


def test_so_they_do_where_one_stream_has_a_document_of_its_own(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = {"topology": "own.yaml"}
    job.read("logs", Log, options=own).write("runs", ids="none", options=own)
    statements = [
        StreamBinding("watch", Settings(topology="/t.yaml")).source(job.reads[0]),
        StreamBinding("watch", Settings(topology="/t.yaml", inputs=own)).source(job.reads[0]),
        StreamBinding("watch", Settings(topology="/t.yaml")).sink(job.writes[0], job.reads[0].columns),
    ]
    assert all(f"'topology' = '{tmp_path}/own.yaml'" in statement for statement in statements)


def test_an_append_without_ids_says_what_to_choose(job: Job) -> None:
    logs = job.read("logs", Log)
    table = job.sql(f"SELECT run FROM {logs}")
    with pytest.raises(ConfigurationError, match="ids that are the same after a restore") as caught:
        table.write("out")
    assert str(caught.value.where).endswith(f"test_pipelines_job.py:{_line() - 1}")
    for choice in ("record-id", "ids=(", 'ids="none"', "key="):
        assert choice in str(caught.value.hint)


def test_appends_take_ids_from_the_input_from_columns_or_none(job: Job) -> None:
    binding = StreamBinding("watch", Settings(topology="t.yaml"))
    logs = job.read("logs", Log)
    logs.write("derived", Out)
    logs.write("columns", Out, ids=("run",))
    logs.write("without", Out, ids="none")
    statements = [binding.sink(write, write.columns or ()) for write in job.writes]
    assert "METADATA FROM 'record-id'" in statements[0]
    assert "VIRTUAL" not in statements[0]
    assert "'record-id' = 'columns'" in statements[1]
    assert "'record-id.fields' = 'run'" in statements[1]
    assert "'record-id' = 'none'" in statements[2]
    assert all("'job-uid' = 'watch'" in statement for statement in statements)
    assert "'sink-uid' = 'to-derived'" in statements[0]


def test_an_upsert_declares_its_key(job: Job) -> None:
    binding = StreamBinding("watch", Settings(topology="t.yaml"))
    job.read("logs", Log).write("latest", Out, key=("run",))
    assert "PRIMARY KEY (`run`) NOT ENFORCED" in binding.sink(job.writes[0], job.writes[0].columns or ())


def test_a_source_is_read_with_safe_defaults(job: Job) -> None:
    job.read("logs", Log)
    statement = StreamBinding("watch", Settings(topology="t.yaml", bounded=True)).source(job.reads[0])
    assert "'dead-letters' = 'dead-letters'" in statement
    assert "'group-id' = 'watch'" in statement
    assert "'scan.bounded.mode' = 'latest'" in statement
    assert "'dedup'" not in statement, "the connector's own default is on"
    without = StreamBinding("watch", Settings(topology="t.yaml", dead_letters=None)).source(job.reads[0])
    assert "dead-letters" not in without
    assert "bounded" not in without


def test_a_stream_of_upserts_is_read_by_its_key(job: Job) -> None:
    binding = StreamBinding("watch", Settings(topology="t.yaml"))
    job.read("latest", Log, latest_by="run", options={"key.format": "raw"})
    job.read("each", Log)
    by_version, each = (binding.source(read) for read in job.reads)
    assert "PRIMARY KEY (`run`) NOT ENFORCED" in by_version, "which is how the connector is asked for it"
    assert "'key.format' = 'raw'" in by_version
    assert "PRIMARY KEY" not in each


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda job, logs: job.read("a", Log, latest_by=("run", "nope")), "no column 'nope'"),
        (lambda job, logs: job.read("a", Maybe, latest_by="run"), "'run' may be None"),
        (lambda job, logs: logs.write("out", Out, key="nope"), "no column 'nope'"),
        (lambda job, logs: logs.write("out", Out, key="run", ids="none"), "a version, not an id"),
        (lambda job, logs: logs.write("out", Out, ids=("nope",)), "no column 'nope'"),
        (lambda job, logs: job.read("logs", Log), "already"),
        (lambda job, logs: [logs.write("out", Out), logs.write("out", Out)], "written twice"),
        (lambda job, logs: Job("a job"), "no name for a job"),
        (lambda job, logs: Job(".."), r"'\.\.' is no name for a job"),
        (lambda job, logs: Job("é" * 101), "é{40}…' is no name for a job"),
        (lambda job, logs: job.function(lambda x: x), "needs a name"),
    ],
)
def test_what_is_wrong_is_told_at_the_users_line(job: Job, wrong: object, says: str) -> None:
    logs = job.read("logs", Log)
    assert callable(wrong)
    with pytest.raises(ConfigurationError, match=says) as caught:
        wrong(job, logs)
    assert "test_pipelines_job.py:" in str(caught.value.where)


def test_who_writes_a_stream_twice_is_told_how_two_rows_of_one_input_keep_apart(job: Job) -> None:
    logs = job.read("logs", Log)
    logs.write("out", Out)
    with pytest.raises(ConfigurationError) as caught:
        logs.write("out", Out)
    assert "give each branch its own `ordinal`" in str(caught.value.hint)


def _reads_then_writes(job: Job, line: list[int]) -> None:
    logs = job.read("logs", Log)
    line.append(_line() + 1)
    logs.write("logs", Log)


def _another_branch_reads(job: Job, line: list[int]) -> None:
    job.read("logs", Log)
    others = job.read("others", Log)
    line.append(_line() + 1)
    others.write("logs", Log)


def _writes_then_reads(job: Job, line: list[int]) -> None:
    job.read("others", Log).write("logs", Log)
    line.append(_line() + 1)
    job.read("logs", Log, latest_by="run")


@pytest.mark.parametrize("describe", [_reads_then_writes, _another_branch_reads, _writes_then_reads])
def test_a_stream_that_is_read_is_not_written(job: Job, describe: Callable[[Job, list[int]], None]) -> None:
    line: list[int] = []
    with pytest.raises(ConfigurationError, match="logs is read and written by one job") as caught:
        describe(job, line)
    assert str(caught.value.where).endswith(f"test_pipelines_job.py:{line[0]}")
    assert "another stream" in str(caught.value.hint)


def test_it_is_the_same_stream_where_its_document_is_named_twice(job: Job) -> None:
    logs = job.read("logs", Log, options={"topology": "t.yaml"})
    with pytest.raises(ConfigurationError, match="logs is read and written"):
        logs.write("logs", Log)


def test_a_stream_of_another_document_may_have_the_name_of_an_output(job: Job) -> None:
    job.read("logs", Log, options={"topology": "theirs.yaml"}).write("logs", Log)
    with running_in(RunContext(Settings(topology="t.yaml", inputs={"topology": "theirs.yaml"}))):
        mirror = Job("mirror")
    mirror.read("logs", Log).write("logs", Log)


def test_a_function_is_still_a_function(job: Job) -> None:
    @job.function
    def mean(values: list[float | None], spare: int) -> float | None:
        """The mean."""
        kept = [value for value in values if value is not None]
        return sum(kept) / len(kept) if len(kept) > spare else None

    assert mean([1.0, None, 3.0], 0) == 2.0
    assert f"{mean}" == "mean"
    assert mean.signature.arguments == ("ARRAY<DOUBLE>", "BIGINT")
    assert mean.signature.result == "DOUBLE"
    assert mean.__doc__ == "The mean."


def test_a_function_travels_without_anabranch(job: Job) -> None:
    travelled = pickle.dumps(job.function(_double))
    assert b"anabranch" not in travelled
    assert pickle.loads(travelled)(21) == 42


def test_modules_beside_a_function_travel_with_it(tmp_path: Path) -> None:
    (tmp_path / "rules_beside.py").write_text("SPARE = 4\n")
    script = _script(
        tmp_path,
        "import json, yaml, rules_beside\nfrom anabranch.pipelines import Job\njob = Job('j')\n"
        "@job.function\ndef spare(x: int) -> int:\n    return x + rules_beside.SPARE\n",
    )
    loaded = load_job(script, RunContext(Settings()), tmp_path)
    names = {module.__name__ for module in own_modules(loaded.functions[0].python)}
    assert names == {loaded.functions[0].python.__module__, "rules_beside"}
    assert own_modules(json.loads) == [], "what is installed is not shipped"


def test_a_function_without_hints_is_refused(job: Job) -> None:
    with pytest.raises(ConfigurationError, match="no type hint for x, return"):

        @job.function
        def untyped(x):  # type: ignore[no-untyped-def]
            return x


def test_first_and_last_do_not_depend_on_arrival() -> None:
    assert first_by("v", ("t", "s")) == (
        "SUBSTRING(MIN(CASE WHEN v IS NOT NULL THEN "
        "LPAD(CAST(t AS STRING), 19, '0') || LPAD(CAST(s AS STRING), 19, '0') || v END) FROM 39)"
    )
    assert last_by("v", ("t",)).startswith("SUBSTRING(MAX(")


def _double(x: int) -> int:
    return 2 * x


def _script(tmp_path: Path, text: str) -> Path:
    (tmp_path / "job.py").write_text(text)
    return job_files(tmp_path)[0]


def test_a_folder_with_a_job_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("NAME = 'from-helper'\n")
    script = _script(
        tmp_path, "from helper import NAME\nfrom anabranch.pipelines import Job\njob = Job(NAME)\n"
    )
    assert load_job(script, RunContext(Settings()), tmp_path).name == "from-helper"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\n", "describes no job"),
        ("from anabranch.pipelines import Job\nJob('a')\nJob('b')\n", "describes 2 jobs"),
    ],
)
def test_a_module_describes_one_job(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_job(_script(tmp_path, text), RunContext(Settings()), tmp_path)


def test_an_error_in_a_module_names_its_line_and_keeps_the_trace(tmp_path: Path) -> None:
    script = _script(tmp_path, "def deep():\n    return 1 / 0\n\n\ndeep()\n")
    with pytest.raises(JobError, match="ZeroDivisionError: division by zero") as caught:
        load_job(script, RunContext(Settings()), tmp_path / "traces")
    assert str(caught.value.where).endswith("job.py:2")
    assert len(list((tmp_path / "traces").iterdir())) == 1


def test_a_place_without_a_job_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such job"):
        job_files(tmp_path)


def test_tables_are_named_in_queries(job: Job) -> None:
    assert str(Table(job, "a`b", "here")) == "`a``b`"


@dataclass(frozen=True)
class Odd:
    what: complex


def test_an_error_of_a_record_begins_with_the_line_that_asks_for_it(job: Job) -> None:
    place = os.path.relpath(__file__)
    logs = job.read("logs", Log)
    asked: list[tuple[int, Callable[[], object], str]] = [
        (_line(), lambda: job.read("more", Odd), ": Odd.what"),
        (_line(), lambda: job.read("more", int), ""),
        (_line(), lambda: logs.write("runs", Odd, ids="none"), ": Odd.what"),
    ]
    for line, ask, what in asked:
        with pytest.raises(ConfigurationError) as caught:
            ask()
        assert caught.value.where == f"{place}:{line}{what}"


class _Session:
    """Knows the columns of a query."""

    def execute(self, statement: str) -> None: ...

    def create_view(self, name: str, query: str) -> None: ...

    def columns(self, name: str) -> tuple[TableColumn, ...]:
        return (TableColumn("run", "STRING"), TableColumn("value", "DOUBLE"))


def test_a_field_that_the_query_lacks_is_told_by_name(job: Job, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Values:
        run: str
        valu: float

    job.sql(f"SELECT run, value FROM {job.read('logs', Log)}").write("values", Values, key="run")
    binding = StreamBinding("watch", Settings(topology="/t.yaml"))
    builder = Builder(job, lambda: cast("FlinkSession", _Session()), binding, tmp_path)
    with pytest.raises(ConfigurationError, match="the query has no column valu") as caught:
        builder.insert_all()
    assert caught.value.hint == "did you mean 'value'? columns: run, value"
