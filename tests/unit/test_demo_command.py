"""`anabranch demo`: what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from anabranch.cli import demo
from anabranch.devkit import demo as runs
from anabranch.errors import ConfigurationError, EnvironmentMissingError


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize("place", ["gone/report.html", "file/report.html", "locked/report.html"])
def test_report_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(runs, "run_demo", lambda *_: pytest.fail("the demo was started"))
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "locked")
    (tmp_path / "file").write_text("")
    (tmp_path / "locked").mkdir()
    path = tmp_path / place
    error = CliRunner().invoke(demo.command, ["--report", str(path)]).exception
    assert isinstance(error, ConfigurationError)
    assert error.where == f"--report {path}"
    assert str(path.parent) in str(error.hint)


def test_more_copies_than_primaries_are_refused_before_the_input_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "load_dataset", lambda *_, **__: pytest.fail("the input was read"))
    monkeypatch.setattr(runs, "_start", lambda *_: pytest.fail("clusters were started"))
    arguments = ["--primaries", "2", "--copies", "3", "--report", str(tmp_path / "report.html")]
    error = CliRunner().invoke(demo.command, arguments).exception
    assert isinstance(error, ConfigurationError)
    assert error.message == "3 copies on 2 primaries are not possible"


@pytest.mark.parametrize("content", [None, "group;score_minutes\n"])
def test_scores_that_cannot_be_read_are_told_before_the_input_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    monkeypatch.setattr(runs, "load_dataset", lambda *_, **__: pytest.fail("the input was read"))
    monkeypatch.setattr(runs, "_start", lambda *_: pytest.fail("clusters were started"))
    scores = tmp_path / "scores.csv"
    if content is not None:
        scores.write_text(content)
    arguments = ["--scores", str(scores), "--report", str(tmp_path / "report.html")]
    error = CliRunner().invoke(demo.command, arguments).exception
    assert isinstance(error, ConfigurationError)
    assert error.where == str(scores)
    assert "columns: group, score_minutes" in str(error.hint)


def test_a_bad_line_of_a_given_file_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "_start", lambda *_: pytest.fail("clusters were started"))
    monkeypatch.setattr(runs, "java", lambda: None)
    data = tmp_path / "data.tsv"
    data.write_text('r\t{"time_ms": 1, "key": "k", "value": 1, "metadata": {}}\nno tab\n')
    arguments = ["--data", str(data), "--report", str(tmp_path / "report.html")]
    error = CliRunner().invoke(demo.command, arguments).exception
    assert isinstance(error, ConfigurationError)
    assert error.where == f"{data}:2"


def test_no_java_is_told_before_the_input_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(runs, "load_dataset", lambda *_, **__: pytest.fail("the input was read"))
    error = CliRunner().invoke(demo.command, ["--report", str(tmp_path / "report.html")]).exception
    assert isinstance(error, EnvironmentMissingError)
    assert error.message == "no Java on PATH, and JAVA_HOME is not set"


def test_a_report_that_a_running_demo_writes_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    started: list[Path] = []

    def run(spec: runs.DemoSpec, _: object) -> None:
        started.append(spec.report)
        if len(started) == 1:
            error = CliRunner().invoke(demo.command, []).exception
            assert isinstance(error, ConfigurationError)
            assert error.where == "--report report.html"
            assert "another file" in str(error.hint)
            CliRunner().invoke(demo.command, ["--report", "other.html"])

    monkeypatch.setattr(runs, "run_demo", run)
    CliRunner().invoke(demo.command, [])
    CliRunner().invoke(demo.command, [])
    assert [path.name for path in started] == ["report.html", "other.html", "report.html"], (
        "and then it is free"
    )
    assert not list((tmp_path / "state" / "anabranch" / "reports").iterdir())


def test_a_file_in_this_folder_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    demo._check_place(Path("report.html"))


def test_that_the_package_has_no_data_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "__file__", str(tmp_path / "site-packages/anabranch/devkit/demo.py"))
    error = CliRunner().invoke(demo.command, ["--report", str(tmp_path / "report.html")]).exception
    assert isinstance(error, ConfigurationError)
    assert "comes with the repository" in error.message, "no file of the user's is missing"
    assert error.hint == "run the demo in a checkout, or give --data FILE"


@pytest.mark.parametrize(
    ("arguments", "there", "cloud", "told"),
    [
        ([], True, True, "Blob Storage of this machine's own"),
        ([], False, False, "for there is no local cloud: node is not installed"),
        (["--no-blob"], True, False, "checkpoints go to a folder of this machine"),
        (["--blob"], False, None, "node is not installed"),
    ],
)
def test_checkpoints_go_to_a_local_cloud_where_there_can_be_one(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    there: bool,
    cloud: bool | None,
    told: str,
) -> None:
    said: list[str] = []

    def program(_: object) -> Path:
        if there:
            return tmp_path
        raise EnvironmentMissingError("node is not installed, and …", hint="install it")

    def run(spec: runs.DemoSpec, _: object) -> None:
        found = runs._cloud(spec, said.append)
        assert (found is not None) is cloud
        raise SystemExit(0)

    monkeypatch.setattr(runs, "azurite_program", program)
    monkeypatch.setattr(runs, "run_demo", run)
    result = CliRunner().invoke(demo.command, ["--report", str(tmp_path / "report.html"), *arguments])
    if cloud is None:
        assert isinstance(result.exception, EnvironmentMissingError)
        said.append(result.exception.message)
    else:
        assert result.exit_code == 0, result.exception
    assert told in " ".join(said)
