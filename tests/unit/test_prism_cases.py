"""The Python Prism through the cases that the Java one is held to as well (``PrismCasesTest``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.prism_world import World

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "prism.json").read_text("utf-8"))
CASES = [case for case in VECTORS["cases"] if case.get("only", "python") == "python"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_producer_behaves_as_the_case_says(case: dict[str, Any]) -> None:
    world = World(case, VECTORS["defaults"])
    try:
        world.play(case["steps"])
    finally:
        world.close()


def test_the_cases_are_named_once_and_say_why_they_are_not_for_both() -> None:
    names = [case["name"] for case in VECTORS["cases"]]
    assert len(set(names)) == len(names)
    assert all(case["why"] for case in VECTORS["cases"] if "only" in case)
    assert all(any("expect" in step for step in case["steps"]) for case in VECTORS["cases"])
