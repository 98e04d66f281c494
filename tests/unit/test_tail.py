"""What `anabranch tail` says before anything comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from anabranch.cli import tail
from anabranch.errors import TopologyError, UnavailableError

DOCUMENT = """
generation: 1
groups:
  g:
    primaries:
      a: {bootstrap: ["127.0.0.1:1"]}
    streams:
      s: {partitions: 1}
"""


@pytest.mark.parametrize(
    ("options", "said"), [((), True), (("--from", "latest"), False), (("--from", "earliest"), False)]
)
def test_that_it_begins_now_is_said_unless_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "topology.yaml"
    path.write_text(DOCUMENT)
    result = CliRunner().invoke(tail.command, ["s", "--topology", str(path), "--timeout", "0.1", *options])
    assert isinstance(result.exception, UnavailableError)
    assert ("--from earliest shows what is there" in result.stderr) == said


def test_where_there_is_no_topology_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "nowhere.yaml"
    result = CliRunner().invoke(tail.command, ["s", "--topology", str(path)])
    error = result.exception
    assert result.stderr == "", "nothing is shown from now on"
    assert isinstance(error, TopologyError)
    assert str(error) == (
        f"{path}: there is no topology document\n  next: check the path, or apply one first"
    )


def test_an_end_from_the_latest_is_refused() -> None:
    options = ["s", "--topology", "nowhere.yaml", "--until-end", "--from", "latest"]
    result = CliRunner().invoke(tail.command, options)
    assert result.exit_code == 2, "all would be read"
    assert "leave --from latest out" in result.stderr
