"""The map of the code leads to files that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_page_is_short() -> None:
    assert len(PAGE.splitlines()) <= 200


def test_every_named_file_exists() -> None:
    names = {Path(name).name for name in re.findall(r"`[^`\s]*?([\w/….-]+\.(?:java|py|yaml|md))`", PAGE)}
    folders = ("connectors", "pipelines", "devkit", "cli", "flink-jobs", "docs", "tests")
    present = {path.name for folder in folders for path in (ROOT / folder).rglob("*")}
    assert len(names) > 15
    assert names <= present, names - present
