"""What one page tells to produce is what the job of another can read: else it becomes dead letters."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
JOBS = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")


def fields_to_read(page: str) -> set[str]:
    """Fields of the record class that the page's first job reads; metadata is not in the value."""
    block = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)[0]
    classes = [node for node in ast.parse(block).body if isinstance(node, ast.ClassDef)]
    (log,) = [node for node in classes if node.name == "Log"]
    fields = [node for node in log.body if isinstance(node, ast.AnnAssign)]
    return {ast.unparse(node.target) for node in fields if "Metadata" not in ast.unparse(node.annotation)}


def test_the_parser_sees_the_fields() -> None:
    assert "run" in fields_to_read(README)


@pytest.mark.parametrize("page", [README, JOBS], ids=["README.md", "jobs.md"])
def test_records_of_the_examples_fit_the_jobs(page: str) -> None:
    lines = re.findall(r'\{"run".*?\}', README)
    table = (ROOT / "cli/anabranch/cli/dev_table.py").read_text(encoding="utf-8")
    lines += [line.replace("{{", "{").replace("}}", "}") for line in re.findall(r'\{\{"run".*?\}\}', table)]
    assert len(lines) == 3
    for line in lines:
        assert fields_to_read(page) <= set(json.loads(line)), line
