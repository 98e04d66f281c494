"""Input that no command can use is a mistake with a place, never a trace."""

from __future__ import annotations

import io
import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from anabranch.cli import dead_letters, dev, produce, tail, topology
from anabranch.cli.stream_options import emit_json, with_bytes
from anabranch.connectors.dead_letters import DeadLetter, Letters
from anabranch.connectors.ids import RecordId
from anabranch.errors import ConfigurationError, UnavailableError

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


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"value": "x"}', "it has no 'record_id'"),
        ('{"record_id": "ID"}', "it has no 'value'"),
        ('{"record_id": "xy", "value": "x"}', "its record_id is none: "),
        ('{"record_id": "ID", "value_base64": "x"}', "its value_base64 is none: "),
        ('{"record_id": "ID", "value": "\\ud800"}', "its value is no text"),
        ('{"record_id": "ID", "value": 1}', "it is no object, or a field of it is no text"),
        ("[1]", "it is no object, or a field of it is no text"),
        ("value", "it is no JSON: "),
    ],
)
def test_why_a_line_is_no_mended_letter_is_told_in_words(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "mended"
    path.write_text("\n" + line.replace("ID", RecordId.supplied("x", 1).hex()))
    with pytest.raises(ConfigurationError) as caught:
        dead_letters._mended_values(path)
    assert caught.value.where == f"{path}:2"
    assert caught.value.message.startswith(f"this is no mended letter: {why}")


def test_letters_are_mended_from_what_show_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where a text has what some take for the end of a line: NEL, and the separators of Unicode."""
    texts = ["a\u2028b", "c\u2029d", "e\x85f", "g\x0bh", "i\nj"]
    for number, text in enumerate(texts):
        emit_json({"record_id": RecordId.supplied("x", number).hex(), **with_bytes("value", text.encode())})
    path = tmp_path / "letters.json"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert [value.decode() for value in dead_letters._mended_values(path).values()] == texts


def test_data_is_whole_also_where_the_output_lacks_its_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, encoding="latin-1", errors="replace"))
    emit_json({"value": "\u2026\U0001f600"})
    assert json.loads(out.getvalue()) == {"value": "\u2026\U0001f600"}


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


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (dev.command, ["logs", "a", "-n", "-5"]),
        (dev.command, ["logs", "a", "-n", "0"]),
        (tail.command, ["s", "--topology", "t.yaml", "--timeout", "-1"]),
        (tail.command, ["s", "--topology", "t.yaml", "--timeout", "nan"]),
        (tail.command, ["s", "--topology", "t.yaml", "--timeout", "inf"]),
    ],
)
def test_numbers_that_mean_nothing(command: click.Command, arguments: list[str]) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2, result.exception
    assert f"'{arguments[-2]}'" in result.output.replace("'-n' / '--lines'", "'-n'")


@pytest.mark.parametrize(
    ("option", "known"), [("--of", "clicks, logs"), ("--reason", "malformed, too-large"), ("--job", "copy")]
)
@pytest.mark.parametrize("arguments", [["show"], ["show", "--json"], ["replay"]])
def test_choice_that_no_letter_has(
    monkeypatch: pytest.MonkeyPatch, option: str, known: str, arguments: list[str]
) -> None:
    letters = [
        DeadLetter.refused("logs", RecordId.supplied("x", 0), b"", reason="malformed", detail="", job="copy"),
        DeadLetter.refused("clicks", RecordId.supplied("x", 1), b"", reason="too-large", detail=""),
    ]
    monkeypatch.setattr(
        "anabranch.connectors.dead_letters.read_dead_letters", lambda *_, **__: Letters(letters, 0, {})
    )
    result = CliRunner().invoke(dead_letters.command, [*arguments, "--topology", "t.yaml", option, "nope"])
    assert result.exit_code == 0, result.exception
    assert result.stderr == f"no letter has 'nope' as its {option}; there are: {known}\n"
    fitting = [*arguments, "--topology", "t.yaml", option, known.split(", ")[0], "--id", "00000000"]
    assert CliRunner().invoke(dead_letters.command, fitting).stderr == ""


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["show"], "1 letter\n"),
        (["show", "--json"], '"stream":"logs"'),
        (["replay", "--all", "--dry-run"], "1 letter would be replayed, as replay 1\n"),
        (["replay", "--id", "00"], "nothing to replay\n"),
    ],
)
def test_letters_of_some_primaries_are_shown_and_are_no_success(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], shown: str
) -> None:
    letters = [DeadLetter.refused("logs", RecordId.supplied("x", 0), b"", reason="malformed", detail="")]
    monkeypatch.setattr(
        "anabranch.connectors.dead_letters.read_dead_letters",
        lambda *_, **__: Letters(letters, 0, {"b": "connection refused"}),
    )
    result = CliRunner().invoke(dead_letters.command, [*arguments, "--topology", "t.yaml"])
    assert shown in result.stdout
    assert "primary b cannot be read, there may be more letters: connection refused\n" in result.stderr
    assert isinstance(result.exception, UnavailableError)
    assert result.exception.message == "not every primary was read, so letters may be missing: b"
