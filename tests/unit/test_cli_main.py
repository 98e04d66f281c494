"""What the command says and returns when something goes wrong that nobody foresaw."""

from __future__ import annotations

import signal
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from anabranch.cli import dev
from anabranch.cli import main as main_module
from anabranch.connectors.flink.interrupts import Terminated
from anabranch.connectors.ids import RecordId
from anabranch.errors import AnabranchError


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """An end by a signal ignores further ones, which these tests outlive."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, do in before.items():
        signal.signal(number, do)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], object]:
    """Has `anabranch broken` call a function; returns the exit code."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["anabranch", "broken"])

    def called(body: Callable[[], None]) -> object:
        module = types.ModuleType("broken_command")
        module.command = click.Command("broken", callback=body)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "broken_command", module)
        monkeypatch.setitem(main_module._COMMANDS, "broken", ("broken_command", "fails"))
        with pytest.raises(SystemExit) as caught:
            main_module.main()
        return caught.value.code

    return called


def fails(error: BaseException) -> Callable[[], None]:
    def body() -> None:
        raise error

    return body


def test_a_defect_is_one_screen_and_a_file(
    run: Callable[[Callable[[], None]], object], capsys: pytest.CaptureFixture[str]
) -> None:
    many = "no http://me:HUNTER2@host/x?sig=HUNTER3\n" * 50
    assert run(fails(KeyError(many))) == 70
    told = capsys.readouterr().err
    assert "KeyError: " in told
    assert "test_cli_main.py:" in told.splitlines()[0]
    assert len(told.splitlines()) <= 12
    assert "Traceback" not in told
    path = Path(told.partition("full trace: ")[2].splitlines()[0])
    assert "Traceback" in path.read_text()
    assert "HUNTER" not in told + path.read_text()


def test_our_own_line_is_named_where_the_user_has_none(
    run: Callable[[Callable[[], None]], object], capsys: pytest.CaptureFixture[str]
) -> None:
    # As a library's mapping calls us: no frame of the user's is below.
    source = compile("def body(): RecordId.replayed(None, 1)", "<string>", "exec")
    scope: dict[str, object] = {"RecordId": RecordId}
    exec(source, scope)
    assert run(scope["body"]) == 70  # type: ignore[arg-type]
    assert "ids.py:" in capsys.readouterr().err.splitlines()[0]


def test_the_trace_is_shown_on_request(
    run: Callable[[Callable[[], None]], object],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANABRANCH_DEBUG", "1")
    assert run(fails(RuntimeError("x"))) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_mistyped_command_is_answered_with_what_was_meant() -> None:
    result = CliRunner().invoke(main_module.cli, ["tial", "logs"])
    assert result.exit_code == 2
    assert "No such command 'tial': did you mean 'tail'?" in result.output
    assert "did you mean" not in CliRunner().invoke(main_module.cli, ["xyzzy"]).output
    assert "Usage" in CliRunner().invoke(main_module.cli, ["--help"]).output


def test_lists_of_commands_are_whole() -> None:
    for group in ("topology", "dead-letters", "dev"):
        listed = CliRunner().invoke(main_module.cli, [group, "--help"], terminal_width=80).output
        assert "..." not in listed.partition("Commands:")[2]
    assert set(main_module._COMMANDS["dev"][1].partition(": ")[2].split(", ")) == set(dev.command.commands)


def test_what_was_interrupted_ends_unhindered(run: Callable[[Callable[[], None]], object]) -> None:
    assert run(fails(KeyboardInterrupt())) == 130
    assert signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (AnabranchError("x"), 1),
        (click.UsageError("x"), 2),
        (SystemExit(3), 3),
    ],
)
def test_other_ends_are_as_they_were(
    run: Callable[[Callable[[], None]], object],
    error: BaseException,
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(fails(error)) == code
    assert "full trace" not in capsys.readouterr().err


def test_a_trace_that_cannot_be_written(
    run: Callable[[Callable[[], None]], object], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "anabranch").write_text("no folder")
    assert run(fails(RuntimeError("x"))) == 70
    assert "full trace: not written" in capsys.readouterr().err
