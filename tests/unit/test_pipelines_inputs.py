"""Options of inputs are looked at before Flink starts, and their place is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from anabranch.errors import ConfigurationError, JobError
from anabranch.pipelines import launch
from anabranch.pipelines.bindings import Read
from anabranch.pipelines.inputs import KEYS, VALUES, check_inputs
from anabranch.pipelines.layers import Resolved
from anabranch.pipelines.settings import Settings

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
    resolved = Resolved(
        Settings(flink={"parallelism.default": -3}),
        {"flink.parallelism.default": "--set parallelism.default"},
    )
    with (
        pytest.raises(JobError, match=r"^--set parallelism\.default: must be positive") as caught,
        launch._naming_flink_options(resolved),
    ):
        raise JobError("must be positive", hint="h")
    assert caught.value.hint == "h"
    with pytest.raises(JobError, match=r"^job\.py:7: x"), launch._naming_flink_options(resolved):
        raise JobError("x", where="job.py:7")
