"""Azurite is installed once, from a lock file, and says what is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import pytest

from anabranch.devkit import azurite, process
from anabranch.devkit.process import Completed
from anabranch.errors import EnvironmentMissingError


def no_npm(argv: Sequence[str | Path], **_: object) -> Completed:
    """Node, and an npm that is out of order."""
    if argv[-1] == "--version":
        return Completed(0, "v20.1.0\n")
    return Completed(1, "npm warn something\nnpm error network unreachable\nnpm error more")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(process, "run", no_npm)
    return tmp_path / "anabranch" / f"azurite-{azurite.AZURITE_VERSION}"


def lock() -> dict[str, dict[str, dict[str, str]]]:
    text = resources.files("anabranch.devkit").joinpath("azurite-package-lock.json").read_text()
    value: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return value


def test_the_lock_file_has_the_version_and_a_hash_of_each_package_and_no_host() -> None:
    packages = lock()["packages"]
    assert packages["node_modules/azurite"]["version"] == azurite.AZURITE_VERSION
    fetched = {name: package for name, package in packages.items() if name}
    assert all(package["integrity"].startswith("sha512-") for package in fetched.values())
    assert not any("resolved" in package for package in fetched.values())


def test_installed_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[list[str]] = []
    told: list[str] = []

    def install(argv: Sequence[str | Path], *, timeout_s: float, cwd: Path | None = None) -> Completed:
        if cwd is None:
            return no_npm(argv)
        runs.append([str(part) for part in argv])
        assert json.loads((cwd / "package-lock.json").read_text()) == lock()
        program = cwd / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
        program.parent.mkdir(parents=True)
        program.write_text("")
        return Completed(0, "")

    monkeypatch.setattr(process, "run", install)
    first = azurite.azurite_program(told.append)
    assert first.is_relative_to(cache)
    assert first.is_file()
    assert azurite.azurite_program(told.append) == first
    assert told == [f"installing Azurite {azurite.AZURITE_VERSION} by npm, once: 360 MB in {cache}"]
    (run,) = runs
    assert run[1:3] == ["ci", "--ignore-scripts"]
    assert [entry.name for entry in cache.parent.iterdir() if entry.is_dir()] == [cache.name]


@pytest.mark.usefixtures("cache")
def test_says_why_npm_failed() -> None:
    with pytest.raises(EnvironmentMissingError, match=r"npm could not install Azurite .*: npm error network"):
        azurite.azurite_program()


def test_says_that_node_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(
        EnvironmentMissingError, match="node is not installed, and the local Blob Storage"
    ) as error:
        azurite.azurite_program()
    assert error.value.hint is not None
    assert "install Node 20 or newer" in error.value.hint


@pytest.mark.parametrize("said", ["v18.20.4", "Segmentation fault", ""])
@pytest.mark.usefixtures("cache")
def test_says_that_node_is_too_old(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setattr(process, "run", lambda *args, **options: Completed(0, f"{said}\n"))
    with pytest.raises(EnvironmentMissingError, match="needs 20 or newer") as error:
        azurite.azurite_program()
    assert (said or "of no known version") in error.value.message
    assert "\n" not in error.value.message


def test_logs_no_tokens_unless_it_is_asked_to(cache: Path, tmp_path: Path) -> None:
    program = cache / "node_modules" / "azurite" / "dist" / "src" / "blob"
    program.mkdir(parents=True)
    (program / "main.js").write_text("")
    files = tmp_path / "c.pem", tmp_path / "k.pem"
    assert "--debug" not in azurite.azurite_command(1, *files)
    assert azurite.azurite_command(1, *files, tmp_path / "log")[-2:] == ["--debug", str(tmp_path / "log")]


def test_nobody_has_the_key_of_the_account() -> None:
    accounts = {azurite.azurite_environment()["AZURITE_ACCOUNTS"] for _ in range(3)}
    assert len(accounts) == 3
    assert all(account.startswith("anabranch:") for account in accounts)
