"""Keys of lines: what `produce` writes as an upsert must be the bytes that a job writes for the same key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest

from anabranch.cli.line_keys import splitter
from anabranch.errors import ConfigurationError

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "upsert_keys.json").read_text("utf-8")
)


def upsert_key(fields: str, line: str) -> bytes | None:
    return splitter(fields, None, upsert=True)(line.encode(), 1)[0]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["line"])
def test_upsert_keys_are_those_of_a_job(case: dict[str, str]) -> None:
    assert upsert_key(case["fields"], case["line"]) == case["key"].encode()


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["line"])
def test_what_a_job_writes_in_another_way_is_no_key(case: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="is no key"):
        upsert_key(case["fields"], case["line"])


@pytest.mark.parametrize("value", [1.5, None, [1], {"a": 1}, "\x01", "\ud800", "\U0001f600"])
def test_what_jobs_may_write_in_another_way_is_no_key(value: object) -> None:
    with pytest.raises(ConfigurationError, match="field 'run' is no key"):
        upsert_key("run", json.dumps({"run": value}))


def test_without_upsert_the_key_is_the_text_of_the_field() -> None:
    split = splitter("run", None, upsert=False)
    assert split(b'{"run":"k1"}', 1) == (b"k1", b'{"run":"k1"}')
    assert split(b'{"run":7}', 1)[0] == b"7"
    assert split(b'{"run":{"a": [1, {"b": 2}]}}', 1)[0] == b'{"a":[1,{"b":2}]}'


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"run":1,"n":2,"run":3}', "field 'run' is there 2 times"),
        ('{"run":null}', "field 'run' is no key: it is null"),
        ('{"n":{"run":1}}', "there is no field 'run'"),
        ("[1]", "there is no field 'run'"),
        ('"run"', "there is no field 'run'"),
        ("{", "this is not JSON"),
    ],
)
@pytest.mark.parametrize("upsert", [False, True])
def test_a_line_without_one_key_is_refused(line: str, why: str, *, upsert: bool) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(why)) as refused:
        splitter("run", None, upsert=upsert)(line.encode(), 7)
    assert refused.value.where == "line 7"


def test_who_wants_a_key_of_several_fields_is_told_how() -> None:
    with pytest.raises(ConfigurationError) as refused:
        splitter("run,n", None, upsert=False)(b'{"run":1,"n":2}', 1)
    assert "--upsert" in str(refused.value.hint)


@pytest.mark.parametrize(("fields", "separator"), [(None, None), (None, "|"), ("run", "|")])
def test_upsert_wants_fields_for_its_key(fields: str | None, separator: str | None) -> None:
    with pytest.raises(click.UsageError):
        splitter(fields, separator, upsert=True)
