"""Typed records: which hints give which SQL, and what is said of those that give none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Optional

import pytest

from anabranch.errors import ConfigurationError
from anabranch.pipelines import Metadata, Name, SqlType
from anabranch.pipelines.ddl import create_table, insert_into
from anabranch.pipelines.records import Column, columns_of


@dataclass(frozen=True)
class Inner:
    x: int
    y: str | None


@dataclass(frozen=True)
class Everything:
    truth: bool
    count: int
    ratio: float
    text: str
    raw: bytes
    at: datetime
    day: date
    money: Decimal
    exact: Annotated[Decimal, SqlType("DECIMAL(12, 2)")]
    maybe: int | None
    old_style: Optional[str]  # noqa: UP045
    items: list[int | None]
    pairs: dict[str, float]
    nested: Inner
    nested_maybe: Inner | None
    klass: Annotated[str | None, Name("class")]
    id: Annotated[bytes, Metadata("record-id")]
    primary: Annotated[str, Metadata("primary")] | None


def test_each_hint_has_its_sql_type() -> None:
    assert {column.name: column.type for column in columns_of(Everything)} == {
        "truth": "BOOLEAN NOT NULL",
        "count": "BIGINT NOT NULL",
        "ratio": "DOUBLE NOT NULL",
        "text": "STRING NOT NULL",
        "raw": "BYTES NOT NULL",
        "at": "TIMESTAMP_LTZ(3) NOT NULL",
        "day": "DATE NOT NULL",
        "money": "DECIMAL(38, 18) NOT NULL",
        "exact": "DECIMAL(12, 2) NOT NULL",
        "maybe": "BIGINT",
        "old_style": "STRING",
        "items": "ARRAY<BIGINT> NOT NULL",
        "pairs": "MAP<STRING NOT NULL, DOUBLE NOT NULL> NOT NULL",
        "nested": "ROW<`x` BIGINT NOT NULL, `y` STRING> NOT NULL",
        "nested_maybe": "ROW<`x` BIGINT NOT NULL, `y` STRING>",
        "class": "STRING",
        "id": "BYTES NOT NULL",
        "primary": "STRING",
    }


def test_metadata_is_told_from_fields() -> None:
    found = {column.name: column.metadata for column in columns_of(Everything)}
    assert found["id"] == "record-id"
    assert found["primary"] == "primary"
    assert found["count"] is None


@dataclass(frozen=True)
class Odd:
    fine: int
    tags: list[set[str]]


@dataclass(frozen=True)
class AnyField:
    what: Any


@dataclass(frozen=True)
class TwoTypes:
    what: int | str


@dataclass(frozen=True)
class BareList:
    what: list  # type: ignore[type-arg]


@dataclass(frozen=True)
class BadNested:
    inner: AnyField


@pytest.mark.parametrize(
    ("record", "where"),
    [
        (Odd, "Odd.tags"),
        (AnyField, "AnyField.what"),
        (TwoTypes, "TwoTypes.what"),
        (BareList, "BareList.what"),
        (BadNested, "BadNested.inner.what"),
    ],
)
def test_a_hint_without_sql_type_names_the_field_and_what_is_valid(record: type, where: str) -> None:
    with pytest.raises(ConfigurationError, match="no SQL type") as caught:
        columns_of(record)
    assert caught.value.where == where
    assert "Decimal" in str(caught.value.hint)


def test_a_class_that_is_no_record_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="int is not a record"):
        columns_of(int)


@dataclass(frozen=True)
class OnlyMetadata:
    id: Annotated[bytes, Metadata("record-id")]


def test_a_record_needs_a_field_of_its_own() -> None:
    with pytest.raises(ConfigurationError, match="no field of its own"):
        columns_of(OnlyMetadata)


def test_names_and_texts_are_quoted_in_ddl() -> None:
    columns = [Column("va`lue", "STRING"), Column("id", "BYTES NOT NULL", "record-id")]
    assert create_table("t-1", columns, {"path": "it's"}, key=("va`lue",)) == (
        "CREATE TEMPORARY TABLE `t-1` (\n"
        "  `va``lue` STRING,\n"
        "  `id` BYTES NOT NULL METADATA FROM 'record-id' VIRTUAL,\n"
        "  PRIMARY KEY (`va``lue`) NOT ENFORCED\n"
        ") WITH (\n"
        "  'path' = 'it''s'\n"
        ")"
    )
    assert "METADATA FROM 'record-id'\n" in create_table("t", columns, {}, written=True).replace(",\n", "\n")
    assert insert_into("s", columns[1:], "v") == "INSERT INTO `s` (`id`) SELECT `id` FROM `v`"
