"""Errors of the JVM: the user's line first, what matters of the causes, the rest in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch.connectors.flink.java_errors import JavaCause, causes_in_trace
from anabranch.errors import (
    AnabranchError,
    ConfigurationError,
    EnvironmentMissingError,
    JobError,
    UnavailableError,
)
from anabranch.pipelines.failures import job_error, told_at
from anabranch.pipelines.traces import short_causes

SQL = """org.apache.flink.table.api.ValidationException: SQL validation failed. Column 'x' not found
\tat org.apache.flink.table.planner.calcite.FlinkPlannerImpl.validate(FlinkPlannerImpl.scala:216)
\tat java.base/java.lang.Thread.run(Thread.java:840)
Caused by: org.apache.calcite.runtime.CalciteContextException: From line 1, column 8: Column 'x' not found
\t... 20 more
Caused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'x' not found
\tat java.base/java.lang.reflect.Constructor.newInstance(Constructor.java:480)
\t... 22 more
"""

PYTHON = """org.apache.flink.runtime.client.JobExecutionException: Job execution failed.
\tat org.apache.flink.runtime.jobmaster.JobResult.toJobExecutionResult(JobResult.java:144)
Caused by: org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
\t... 4 more
Caused by: java.lang.RuntimeException: SDK harness, 1: Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/pyflink/fn_execution/operations.py", line 10, in process
    return self.func(value)
  File "/home/u/jobs/watch/job.py", line 17, in score
    return 1 / 0
           ~~^~~
ZeroDivisionError: division by zero

\tat org.apache.beam.runners.fnexecution.FnApi.close(FnApi.java:5)
"""

EMBEDDED = """org.apache.flink.runtime.JobException: Recovery is suppressed
\tat org.apache.flink.runtime.Handler.handle(Handler.java:180)
Caused by: pemja.core.PythonException: <class 'jobs.scores.BadTimes'>: no times of run 7
\tat /home/u/my jobs/scores.v2/rules.kept(rules.py:5)
\tat /home/u/my jobs/scores.v2/job.score(job.py:20)
\tat <string>.<lambda>(<string>:1)
\tat /usr/lib/python3.11/site-packages/pyflink/fn_execution/operations.process_element(operations.py:114)
\tat pemja.core.PythonInterpreter.invokeMethod(PythonInterpreter.java:115)
"""


def test_a_chain_of_causes_is_read_from_a_trace() -> None:
    causes = causes_in_trace(SQL)
    assert [cause.type for cause in causes] == [
        "ValidationException",
        "CalciteContextException",
        "SqlValidatorException",
    ]
    assert causes[2].message == "Column 'x' not found"


def test_messages_of_many_lines_stay_together() -> None:
    trace = "a.StateException: one\n  two\n\tat a.b.C.d(C.java:1)\nCaused by: b.IOException\n\t... 1"
    assert causes_in_trace(trace) == [
        JavaCause("StateException", "one\n  two"),
        JavaCause("IOException", ""),
    ]


def test_causes_that_repeat_or_only_wrap_are_left_out() -> None:
    assert short_causes(causes_in_trace(SQL))[0] == "SqlValidatorException: Column 'x' not found"
    told = short_causes(causes_in_trace(PYTHON))
    assert told == ["ZeroDivisionError: division by zero"]


def test_the_users_line_comes_first(tmp_path: Path) -> None:
    error = job_error(PYTHON, tmp_path, where="watch")
    assert isinstance(error, JobError)
    assert error.where == "/home/u/jobs/watch/job.py:17"
    assert str(error).startswith("/home/u/jobs/watch/job.py:17: ZeroDivisionError: division by zero")
    assert len(str(error).splitlines()) <= 10
    (trace,) = tmp_path.iterdir()
    assert str(trace) in str(error)
    assert trace.read_text() == PYTHON


def test_python_within_the_jvm_has_its_frames_among_javas(tmp_path: Path) -> None:
    error = job_error(EMBEDDED, tmp_path, where="watch")
    assert error.where == "/home/u/my jobs/scores.v2/rules.py:5"
    assert error.message.splitlines()[0] == "BadTimes: no times of run 7"
    assert "mend that line" in str(error.hint)


def test_without_a_frame_of_the_users_the_line_that_asked_is_named(tmp_path: Path) -> None:
    assert job_error(SQL, tmp_path, where="job.py:9").where == "job.py:9"


@pytest.mark.parametrize(
    ("trace", "kind", "hint"),
    [
        ("x.JobException: no\nCaused by: x.NoResourceAvailableException: slots", UnavailableError, "slots"),
        ("java.net.BindException: Address already in use", EnvironmentMissingError, "port"),
        (
            "java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory '/x/chk-1'",
            ConfigurationError,
            "_metadata",
        ),
        (
            "RocksDBException: While open a file for appending: /log/tmp_x_LOG: File name too long",
            ConfigurationError,
            "state.backend.rocksdb.localdir",
        ),
        (
            "x.ValidationException: Could not find any factory for identifier 'union'",
            EnvironmentMissingError,
            "make setup",
        ),
        (
            "x.TopologyException: cannot read topology http://t: no\nCaused by: x.ConnectException: refused",
            UnavailableError,
            "anabranch topology show",
        ),
        (
            "dev.anabranch.prism.DeliveryException: stream s: 3 records in flight",
            UnavailableError,
            "bring back",
        ),
        (
            "dev.anabranch.prism.DeliveryException: stream s: 1 records; 2 copies are wanted; a: in use",
            UnavailableError,
            "degrade-after",
        ),
        (
            "dev.anabranch.prism.DeliveryException: stream s: 2 copies are wanted; nothing is sent: old",
            UnavailableError,
            "max-stale",
        ),
        (
            "x.UnreachablePrimariesException: stream s: not read to their end within 60 s: primary b",
            UnavailableError,
            "raise scan.bounded.deadline",
        ),
        ("x.FlinkJobNotFoundException: Could not find Flink job (ab)", UnavailableError, "started anew"),
        ("java.lang.NegativeArraySizeException: -1", JobError, "full trace"),
    ],
)
def test_known_causes_come_with_the_next_step(
    tmp_path: Path, trace: str, kind: type[AnabranchError], hint: str
) -> None:
    error = job_error(trace, tmp_path)
    assert type(error) is kind
    assert hint in str(error.hint)


def test_long_messages_are_cut_to_a_screen(tmp_path: Path) -> None:
    text = "x.TableException: " + "\n".join(f"line {n}" for n in range(200))
    assert len(str(job_error(text, tmp_path)).splitlines()) < 15


def test_our_own_errors_pass_through_unchanged(tmp_path: Path) -> None:
    original = UnavailableError("no broker")
    with pytest.raises(UnavailableError) as caught, told_at("x:1", tmp_path / "none"):
        raise original
    assert caught.value is original
    assert not (tmp_path / "none").exists()


MISMATCH = """org.apache.flink.table.api.ValidationException: Column types of query result and sink for \
'default_catalog.default_database.to-run-counts' do not match.
Cause: Incompatible types for sink column 'records' at position 1.
\tat org.apache.flink.table.planner.connectors.DynamicSinkUtils.createSchemaMismatchException(D.java:1057)
"""


@pytest.mark.parametrize(
    ("trace", "hint"),
    [
        (MISMATCH, "CAST in the query"),
        (SQL, "mend the query of that line"),
        ("org.apache.flink.table.api.SqlParserException: SQL parse failed. Encountered", "mend the SQL"),
        ("org.apache.calcite.runtime.CalciteException: Non-query expression encountered", "misspelt"),
    ],
)
def test_mistakes_in_sql_have_a_next_step(tmp_path: Path, trace: str, hint: str) -> None:
    error = job_error(trace, tmp_path, where="job.py:9")
    assert error.where == "job.py:9"
    assert hint in str(error.hint)
    assert "default_catalog" not in error.message


def test_a_place_may_be_found_in_what_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anabranch.pipelines.failures.java_trace", lambda error: MISMATCH)

    def find(text: str) -> str | None:
        return "job.py:12" if ".to-run-counts'" in text else None

    with pytest.raises(JobError) as caught, told_at(find, tmp_path):
        raise ValueError("as py4j raises it")
    assert caught.value.where == "job.py:12"


def test_a_trace_that_cannot_be_kept_does_not_hide_what_failed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = job_error(SQL, tmp_path / "file" / "traces", where="job.py:9")
    assert "Column 'x' not found" in error.message
    assert "full trace: not kept: [Errno 20] Not a directory" in error.message


def test_a_key_that_is_not_the_querys_is_told_in_words_of_a_job(tmp_path: Path) -> None:
    trace = (
        "org.apache.flink.table.api.ValidationException: The query has an upsert key that differs from the "
        "primary key of the sink table 'default_catalog.default_database.to-x'. "
        "Primary key: [a], upsert key: [a, b]. "
        "This can lead to non-deterministic results when multiple records map to the same primary key. "
        "Please specify an ON CONFLICT clause to define how conflicts should be handled: "
        "ON CONFLICT DO ERROR (fail on conflict), or ON CONFLICT DO NOTHING (keep first record).\n"
        "\tat org.apache.flink.table.planner.Planner.plan(Planner.scala:1)\n"
    )
    error = job_error(trace, tmp_path, where="job.py:9")
    assert error.message.splitlines()[0].endswith(
        "of the sink table 'to-x'. Primary key: [a], upsert key: [a, b]."
    )
    assert "key=" in str(error.hint)
    assert "ids=" in str(error.hint)
    assert "ON CONFLICT" not in str(error)
    assert "--restore" not in str(error)


def test_what_the_parser_expected_is_told_once(tmp_path: Path) -> None:
    told = 'Encountered "BY" at line 1.\nWas expecting one of:\n    <EOF>\n'
    trace = f"a.SqlParserException: SQL parse failed. {told}Caused by: a.ParseException: {told}"
    error = job_error(trace, tmp_path, where="job.py:9")
    assert error.message.count("Was expecting") == 1
    assert "mend the SQL" in str(error.hint)


def test_a_file_system_that_flink_lacks_is_told_with_its_plugin(tmp_path: Path) -> None:
    kind = "org.apache.flink.core.fs.UnsupportedFileSystemSchemeException"
    text = "Could not find a file system implementation for scheme 'abfss'."
    trace = f"{kind}: {text}\n\tat x.Y.z(Y.java:1)\n"
    error = job_error(trace, tmp_path)
    assert isinstance(error, EnvironmentMissingError)
    assert "azure-blob-fs" in str(error.hint)
