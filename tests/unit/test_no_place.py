"""Files and folders that the system refuses: one line that names them, and what chooses others."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anabranch.cli import main as main_module
from anabranch.cli.main import main
from anabranch.errors import ConfigurationError
from anabranch.pipelines.preflight import check_checkpoints


def refusing(number: int, path: Path | None) -> object:
    def run(**_: object) -> None:
        raise OSError(number, "it cannot be", None if path is None else str(path))

    return run


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("XDG_STATE_HOME", "choose another folder by XDG_STATE_HOME"),
        ("XDG_CACHE_HOME", "choose another folder by XDG_CACHE_HOME"),
        ("ELSEWHERE", "give a place that you may write to"),
    ],
)
def test_what_may_not_be_written_is_named(
    variable: str,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(main_module.cli, "main", refusing(errno.EROFS, tmp_path / "x" / "y"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith(f"error: {tmp_path}/x/y: it cannot be\n  next: ")
    assert hint in told


@pytest.mark.parametrize(
    ("refused", "hint"),
    [
        (".local", "choose another folder by XDG_STATE_HOME\n"),
        (".cache", "choose another folder by XDG_CACHE_HOME\n"),
        (".", "choose another folder by XDG_STATE_HOME and XDG_CACHE_HOME\n"),
        ("file", "give a place that you may write to\n"),
    ],
)
def test_a_home_that_may_not_be_written_names_what_lies_below_it(
    refused: str,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(main_module.cli, "main", refusing(errno.EROFS, tmp_path / refused))
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.endswith(hint)


@pytest.mark.parametrize(("number", "named"), [(errno.EBADF, True), (errno.EACCES, False)])
def test_other_errors_of_the_system_are_defects(
    number: int,
    named: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(main_module.cli, "main", refusing(number, tmp_path if named else None))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 70
    assert "please report this" in capsys.readouterr().err


def test_a_full_disk_is_no_defect_where_nobody_says_of_which_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main_module.cli, "main", refusing(errno.ENOSPC, None))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(
        "error: the output, or a file, cannot be written: it cannot be\n  next: make room"
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["topology", "schema"], ["topology", "show", "t.yaml"], ["--help"]])
def test_output_that_is_full_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    (tmp_path / "t.yaml").write_text(
        'generation: 1\ngroups: {g: {primaries: {a: {bootstrap: ["a:1"]}}, streams: {s: {partitions: 1}}}}\n'
    )
    argv = [sys.executable, "-m", "anabranch.cli", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            argv, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, timeout=60, check=False
        )
    assert done.stderr == (
        "error: the output, or a file, cannot be written: No space left on device\n"
        "  next: make room, or write to another place\n"
    )
    assert done.returncode == 1


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_output_whose_encoding_lacks_a_character(encoding: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "anabranch.cli", "dev", "up", "--help"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        timeout=60,
        check=False,
    )
    assert done.stderr == b""
    assert done.returncode == 0
    assert b"they are called a, b, c, " in b" ".join(done.stdout.split())


def test_checkpoints_that_cannot_be_written_are_told_before_flink_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ConfigurationError, match=r"no checkpoints can be written to .*/file/in/the/way: Not a dir"
    ):
        check_checkpoints((tmp_path / "file" / "in" / "the" / "way").as_uri(), "job.yaml:3")
    with pytest.raises(ConfigurationError) as caught:
        check_checkpoints((tmp_path / "file" / "x").as_uri(), "checkpoints.dir")
    assert "XDG_STATE_HOME" in str(caught.value.hint)
    check_checkpoints(f"file://{tmp_path}/a b/new", "job.yaml:3")
    assert list((tmp_path / "a b" / "new").iterdir()) == []
    check_checkpoints("s3://bucket/that/is/not/here", "job.yaml:3")
