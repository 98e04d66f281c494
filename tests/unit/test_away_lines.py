"""What commands that read to the end say while they wait for primaries."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

import click
import pytest
from click.testing import CliRunner

from anabranch.cli import dead_letters, tail
from anabranch.cli.away_lines import AwayLines
from anabranch.connectors import readers
from anabranch.connectors.primary_reader import PrimaryReader
from anabranch.connectors.readers import UnionReader
from anabranch.connectors.union_records import StreamRecord
from anabranch.errors import UnavailableError


@pytest.fixture
def topology(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a primary where nothing listens, and one that takes connections and says nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "topology.yaml"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path.write_text(f"""
generation: 1
groups:
  g:
    primaries:
      gone: {{bootstrap: ["127.0.0.1:1"]}}
      silent: {{bootstrap: ["127.0.0.1:{silent.getsockname()[1]}"]}}
    streams:
      s: {{partitions: 1}}
""")
        yield str(path)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(tail.command, ["s", "--until-end"]), (dead_letters.command, ["show", "--stream", "s"])],
)
def test_a_primary_that_does_not_answer_is_told_soon_and_how_long_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, topology: str, command: click.Command, arguments: list[str]
) -> None:
    def briefly(*args: Any, **settings: Any) -> PrimaryReader:
        return PrimaryReader(*args, **{**settings, "deadline_s": 3.0})

    monkeypatch.setattr(readers, "PrimaryReader", briefly)
    began = time.monotonic()
    result = CliRunner().invoke(command, [*arguments, "--topology", topology])
    assert time.monotonic() - began < 9, "2 s to the line, 3 s from there, and some to start and close"
    assert isinstance(result.exception, UnavailableError)
    told = {name: text for name, _, text in (line.partition(": ") for line in result.stderr.splitlines())}
    assert "Connection refused; trying again for 3 s" in told["primary gone"]
    assert told["primary silent"] == "no answer; trying again for 3 s"
    assert len(result.stderr.splitlines()) == 2, "each once"


def test_one_that_the_topology_left_out_does_not_answer_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Reader:
        left_s = staticmethod(lambda name: math.inf)
        primaries = ("a", "b")
        troubles: ClassVar[dict[str, str]] = {"a": "no answer", "b": "no answer"}

        def problems(self) -> dict[str, str]:
            return self.troubles

        def news(self) -> list[tuple[str, str]]:
            return []

    reader, lines = Reader(), AwayLines()
    lines.tell(cast("UnionReader", reader))
    reader.primaries, reader.troubles = ("a",), {}  # type: ignore[misc,assignment]
    lines.tell(cast("UnionReader", reader))
    assert capsys.readouterr().err.splitlines()[2:] == [
        "primary a: answers again",
        "primary b: no longer in the topology",
    ]


def test_what_was_not_read_to_the_end_is_an_error_after_what_was(capsys: pytest.CaptureFixture[str]) -> None:
    class Reader:
        finished = True
        batches: ClassVar[list[list[StreamRecord]]] = [[StreamRecord("a", "s", 0, 0, 0, None, b"read", ())]]
        left_s = staticmethod(lambda name: 0.0)

        def poll(self, timeout_s: float) -> list[StreamRecord]:
            return self.batches.pop() if self.batches else []

        def problems(self) -> dict[str, str]:
            return {"b": "no answer"}

        def news(self) -> list[tuple[str, str]]:
            return []

        def check_reached(self) -> None: ...

    shown = tail._Tail(as_json=False, latest_by_version=False, dedup=False, count=None, table=False)
    with pytest.raises(UnavailableError, match="not every primary was read to its end: b: no answer"):
        shown.run(cast("UnionReader", Reader()), None)
    assert capsys.readouterr().out == "a-0@0\tread\n"
