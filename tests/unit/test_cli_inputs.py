"""Input that no command can use is a mistake with a place, never a trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from anabranch.cli import dead_letters, produce, topology
from anabranch.errors import ConfigurationError

NOT_UTF8 = b"\xff\xfe\x00"


def test_mended_letters_that_are_binary(tmp_path: Path) -> None:
    path = tmp_path / "mended"
    path.write_bytes(NOT_UTF8)
    arguments = ["replay", "--topology", "t.yaml", "--mended", str(path)]
    error = CliRunner().invoke(dead_letters.command, arguments).exception
    assert isinstance(error, ConfigurationError)
    assert error.where == str(path)
    assert "not UTF-8" in error.message
    assert "record_id" in str(error.hint)


@pytest.mark.parametrize("name", ["validate", "apply"])
def test_document_on_stdin_that_is_binary(name: str) -> None:
    arguments = [name, "-", *(["there.yaml"] if name == "apply" else [])]
    error = CliRunner().invoke(topology.command, arguments, input=NOT_UTF8).exception
    assert isinstance(error, ConfigurationError)
    assert error.where == "stdin"
    assert "not UTF-8" in error.message


def test_separator_without_a_character() -> None:
    arguments = ["logs", "--topology", "t.yaml", "--key-separator", ""]
    result = CliRunner().invoke(produce.command, arguments, input="k v\n")
    assert result.exit_code == 2, result.exception
    assert "--key-separator is empty" in result.output
