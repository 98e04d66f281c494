"""Options of inputs are looked at before Flink starts, and their place is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anabranch.errors import ConfigurationError, JobError
from anabranch.pipelines import launch
from anabranch.pipelines.bindings import Read
from anabranch.pipelines.failures import job_error
from anabranch.pipelines.inputs import KEYS, VALUES, check_inputs

JAVA = Path(__file__).parents[2] / "connectors/java/table/src/main/java/dev/anabranch/table"


def read(options: dict[str, str]) -> Read:
    return Read("logs", "logs", (), "json", "job.py:9", options)


def test_keys_are_those_of_the_connector() -> None:
    text = "".join((JAVA / f"{name}.java").read_text() for name in ("UnionOptions", "CommonOptions"))
    found = set(re.findall(r'ConfigOptions\.key\("([^"]+)"\)', text))
    assert found | {"format", "key.format"} == KEYS


def test_policies_are_those_of_the_source() -> None:
    text = (JAVA.parents[6] / "union/src/main/java/dev/anabranch/union/OutOfRangePolicy.java").read_text()
    body = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL).partition("enum OutOfRangePolicy {")[2]
    constants = re.findall(r"([A-Z][A-Z0-9_]*)\([^)]*\)", body.partition(";")[0])
    assert len(constants) >= 3
    assert {constant.lower() for constant in constants} == set(VALUES["out-of-range"])


@pytest.mark.parametrize(
    ("key", "value", "says", "next_step"),
    [
        ("out-of-range", "ignore", "out-of-range is none of reset, park, fail: 'ignore'", "choose one"),
        ("out-of-range", "parks", "none of", "did you mean 'park'?"),
        ("out-of-rang", "park", "no option 'out-of-rang'", "did you mean 'out-of-range'?"),
        ("foo", "bar", "no option 'foo'", "docs/sql.md"),
        ("watermark.mode", "hold", "inputs of a job have no watermark", "written in SQL (docs/sql.md, "),
        ("watermark.delay", "1 s", "inputs of a job have no watermark: 'watermark.delay'", "FLOOR("),
        ("late-records", "late", "inputs of a job have no watermark: 'late-records'", "docs/sql.md"),
    ],
)
def test_wrong_ones_name_their_place(key: str, value: str, says: str, next_step: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        check_inputs([read({})], {key: value}, {f"inputs.{key}": f"--input {key}"})
    assert caught.value.where == f"--input {key}"
    assert next_step in str(caught.value.hint)
    with pytest.raises(ConfigurationError, match=says) as caught:
        check_inputs([read({key: value})], {}, {})
    assert caught.value.where == "job.py:9"


def test_right_ones_pass() -> None:
    options = {
        "out-of-range": "park",
        "scan.startup.primary.b": "latest",
        "json.timestamp-format.standard": "SQL",
        "key.format": "raw",
        "key.raw.charset": "UTF-8",
    }
    check_inputs([read(options)], options, {})


def test_what_flink_refuses_of_its_options_names_where_they_were_written() -> None:
    sources = {"flink.parallelism.default": "--set parallelism.default"}
    with (
        pytest.raises(JobError, match=r"^--set parallelism\.default: must be positive") as caught,
        launch._naming_settings(sources),
    ):
        raise JobError("must be positive", hint="h")
    assert caught.value.hint == "h"
    with pytest.raises(JobError, match=r"^job\.py:7: x"), launch._naming_settings(sources):
        raise JobError("x", where="job.py:7")


TRACE = """org.apache.flink.table.api.ValidationException: Unable to create a source for reading table 'logs'.

Table options are:

'dead-letters'='logs'
'json.timestamp-format.standard'='ISO'
\tat org.apache.flink.table.factories.FactoryUtil.create(FactoryUtil.java:1)
Caused by: org.apache.flink.table.api.ValidationException: {cause}
\tat org.apache.flink.table.factories.FactoryUtil.validate(FactoryUtil.java:2)
"""
UNSUPPORTED = """Unsupported options found for 'union'.

Unsupported options:

json.timestamp-format.standrd

Supported options:

dead-letters
json.timestamp-format.standard"""
OPTION_SPACE = """Error creating scan format 'json' in option space 'json.'.
Caused by: org.apache.flink.table.api.ValidationException: Unsupported value 'ISO' for \
timestamp-format.standard. Supported values are [SQL, ISO-8601]."""


@pytest.mark.parametrize(
    ("cause", "where", "hint"),
    [
        (UNSUPPORTED, "job.yaml:2", "did you mean 'json.timestamp-format.standard'? "),
        (OPTION_SPACE, "job.yaml:3", "mend or leave out"),
        ("'scan.startup.primary.z': stream 'logs' has no primary 'z'", "job.yaml:4", "mend or leave out"),
        ("'dead-letters' = 'logs' must be another stream", "job.yaml:5", "mend or leave out"),
        ("'out-of-range' = 'x' of the job's own", "job.py:9", "mend or leave out"),
    ],
)
def test_what_flink_refuses_is_told_where_every_input_is_given_it(
    tmp_path: Path, cause: str, where: str, hint: str
) -> None:
    sources = {
        "inputs.json.timestamp-format.standrd": "job.yaml:2",
        "inputs.json.timestamp-format.standard": "job.yaml:3",
        "inputs.scan.startup.primary.z": "job.yaml:4",
        "dead_letters": "job.yaml:5",
    }
    with pytest.raises(JobError) as caught, launch._naming_settings(sources):
        raise job_error(TRACE.format(cause=cause), tmp_path, where="job.py:9")
    assert caught.value.where == where
    assert str(caught.value.hint).startswith(hint)
