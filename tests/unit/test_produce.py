"""`anabranch produce` over primaries in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anabranch.cli import produce
from anabranch.connectors import record_headers
from anabranch.connectors.prism import producer as producer_module
from anabranch.connectors.prism.simulated import SimulatedPrimaries

DOCUMENT = """
generation: 1
groups:
  g:
    primaries:
      a: {bootstrap: ["a:9092"]}
      b: {bootstrap: ["b:9092"]}
    streams:
      s: {partitions: 1}
"""

Run = Callable[..., Result]


@pytest.fixture
def primaries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimulatedPrimaries:
    made = SimulatedPrimaries()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(producer_module, "ConfluentTransportFactory", lambda *_, **__: made)
    return made


@pytest.fixture
def run(tmp_path: Path, primaries: SimulatedPrimaries) -> Run:
    path = tmp_path / "topology.yaml"
    path.write_text(DOCUMENT)

    def called(*options: str, stdin: str) -> Result:
        return CliRunner().invoke(produce.command, ["s", "--topology", str(path), *options], input=stdin)

    return called


def test_of_an_upsert_key_the_last_line_has_the_highest_version(
    run: Run, primaries: SimulatedPrimaries
) -> None:
    lines = "".join(f'{{"run":"k1","n":{number}}}\n' for number in range(6))
    result = run("--key", "run", "--upsert", stdin=lines)
    assert result.exception is None, result.output
    written = [*primaries["a"].log, *primaries["b"].log]
    written.sort(key=lambda each: dict(each.headers)[record_headers.VERSION] or b"")
    assert "".join(f"{(each.value or b'').decode()}\n" for each in written) == lines
    assert {each.key for each in written} == {b'{"run":"k1"}'}
    assert primaries["a"].log
    assert primaries["b"].log


def test_without_upsert_there_is_no_version(run: Run, primaries: SimulatedPrimaries) -> None:
    assert run("--key", "run", stdin='{"run":"k1"}\n').exception is None
    [written] = [*primaries["a"].log, *primaries["b"].log]
    assert written.key == b"k1"
    assert record_headers.VERSION not in dict(written.headers)
