"""Files and folders that the system refuses: one line that names them, and what chooses others."""

from __future__ import annotations

import errno
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


def test_checkpoints_that_cannot_be_written_are_told_before_flink_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ConfigurationError, match=r"no checkpoints can be written to .*/file/in/the/way: Not a dir"
    ):
        check_checkpoints((tmp_path / "file" / "in" / "the" / "way").as_uri(), "job.yaml:3")
    check_checkpoints((tmp_path / "a b" / "new").as_uri(), "job.yaml:3")
    assert list((tmp_path / "a b" / "new").iterdir()) == []
    check_checkpoints("s3://bucket/that/is/not/here", "job.yaml:3")
