"""Where the restore points of a job are looked for, which one is meant, and how they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from anabranch.cli.checkpoint_table import details, size, table
from anabranch.cli.checkpoints import command
from anabranch.connectors.flink.restore_points import MissingFile, RestorePoint
from anabranch.errors import ConfigurationError
from anabranch.pipelines.configuration import state_folder
from anabranch.pipelines.layers import Layer
from anabranch.pipelines.restore_points import (
    is_below_run,
    newest_complete,
    newest_first,
    places_of,
    protected_uri,
    run_of,
)
from anabranch.pipelines.retained import remember_run
from anabranch.pipelines.settings import Settings
from anabranch.pipelines.storage import file_system_options, is_seen_here

BLOB = "abfss://c@a.dfs.core.windows.net"
RUN, OTHER = "0123456789abcdef" * 2, "f" * 32
NOTHING = Layer({}, {})
JOB = """
from anabranch.pipelines import Job

job = Job("counts")
"""


def point(uri: str, modified_ms: int = 1000, problem: str | None = None, number: int = 1) -> RestorePoint:
    return RestorePoint(uri, modified_ms, problem, "full checkpoint", number, 2_345_678, 7)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "counts"
    folder.mkdir()
    (folder / "job.py").write_text(JOB)
    return folder


def test_of_a_job_its_runs_their_copies_and_their_savepoints_are_meant(job: Path) -> None:
    (job / "job.yaml").write_text(f"flink: {{execution.checkpointing.savepoint-dir: {BLOB}/savepoints/}}\n")
    for run in (RUN, OTHER):
        remember_run(state_folder("counts"), run, f"{BLOB}/checkpoints/")
    named = [f"savepoint-{RUN[:6]}-", f"savepoint-{OTHER[:6]}-"]
    places = places_of(str(job), NOTHING)
    assert places.is_job
    assert dict(places.folders) == {
        f"{BLOB}/checkpoints": [RUN, OTHER],
        f"{BLOB}/checkpoints/protected": [RUN, OTHER],
        f"{BLOB}/savepoints": named,
        f"{BLOB}/savepoints/protected": named,
    }


def test_what_is_no_job_is_a_place(job: Path, tmp_path: Path) -> None:
    for given in (f"{BLOB}/checkpoints", f"{BLOB}/c/{RUN}/chk-1/_metadata", "file:/somewhere"):
        assert places_of(given, NOTHING).folders == [(given, ())]
    assert places_of(str(tmp_path), NOTHING).folders == [(tmp_path.as_uri(), ())]
    with pytest.raises(ConfigurationError, match="has not run from here yet"):
        places_of(str(job), NOTHING)
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        places_of(str(tmp_path / "gone"), NOTHING)


def test_complete_ones_come_first_and_of_a_second_the_higher_number() -> None:
    old, new, newer = point("old", 1000), point("new", 2000, number=4), point("newer", 2000, number=5)
    broken = point("broken", 9000, "f is not there")
    assert newest_first([old, broken, new, newer]) == [newer, new, old, broken]
    assert newest_complete([old, broken], "here") is old
    with pytest.raises(
        ConfigurationError, match="no checkpoint or savepoint is complete; of broken: f is not"
    ):
        newest_complete([broken], "here")
    with pytest.raises(ConfigurationError, match="there is no checkpoint or savepoint"):
        newest_complete([], "here")


@pytest.mark.parametrize(
    ("uri", "run", "copy"),
    [
        (f"{BLOB}/c/{RUN}/chk-7", RUN, f"{BLOB}/c/protected/{RUN}-chk-7"),
        (f"{BLOB}/c/protected/{RUN}-chk-7", RUN, f"{BLOB}/c/protected/protected/{RUN}-chk-7"),
        (f"{BLOB}/s/savepoint-012345-89ab/", "012345", f"{BLOB}/s/protected/savepoint-012345-89ab"),
        (f"{BLOB}/of-mine", None, f"{BLOB}/protected/of-mine"),
    ],
)
def test_a_copy_goes_beside_the_folder_of_the_run(uri: str, run: str | None, copy: str) -> None:
    assert run_of(point(uri)) == run
    assert protected_uri(point(uri)) == copy
    assert not is_below_run(copy, point(uri))


def test_a_copy_within_the_folder_of_the_run_would_go_with_it() -> None:
    checkpoint = point(f"{BLOB}/c/{RUN}/chk-7")
    assert is_below_run(f"{BLOB}/c/{RUN}/mine", checkpoint)
    assert not is_below_run(f"{BLOB}/c/{RUN}-mine", checkpoint)
    assert not is_below_run(f"{BLOB}/s/mine", point(f"{BLOB}/s/savepoint-012345-89ab"))


def test_options_of_storage_are_those_of_environment_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANABRANCH_BLOB_ENDPOINT_ONE", "https://here/one")
    monkeypatch.setenv("ANABRANCH_BLOB_CA_FILE", "/ca.pem")
    flink = {"fs.azure.blob.ca-file": "/other.pem", "fs.overwrite-files": True, "pipeline.name": "x"}
    assert file_system_options(Settings(flink=flink)) == {
        "fs.azure.blob.endpoint.one": "https://here/one",
        "fs.azure.blob.ca-file": "/other.pem",
        "fs.overwrite-files": "true",
    }


def test_a_path_of_another_machine_is_not_seen_here() -> None:
    assert is_seen_here("file:///c/chk-1", None)
    assert is_seen_here("file:///c/chk-1", "localhost:8081")
    assert is_seen_here(f"{BLOB}/chk-1", "flink.example:8081")
    assert not is_seen_here("/c/chk-1", "flink.example:8081")


def test_the_reason_stands_below_what_is_broken() -> None:
    lines = table([point(f"{BLOB}/c/{RUN}/chk-7"), point(f"{BLOB}/c/{RUN}/chk-8", 0, "f is not there")])
    assert [line.split() for line in lines[:1]] == [
        ["taken", "run", "kind", "size", "files", "state", "where"]
    ]
    assert lines[1].split()[2:] == [
        "01234567", "full", "checkpoint", "2.35", "MB", "7", "complete", f"{BLOB}/c/{RUN}/chk-7"
    ]  # fmt: skip
    assert "broken" in lines[2]
    assert lines[3] == "    f is not there"


def test_all_of_one_is_shown() -> None:
    operators = [
        {"uid": None, "hash": "ab", "name": None, "parallelism": 2, "max_parallelism": 128, "finished": True,
         "bytes": 999},
    ]  # fmt: skip
    files = [{"uri": "u/own", "bytes": 5, "own": True}, {"uri": "s/shared", "bytes": 6, "own": False}]
    told = {"metadata_bytes": 1000, "operators": operators, "referenced": files}
    text = "\n".join(details(point("u"), told))
    assert "hash ab, parallelism 2 (at most 128), 999 B, finished" in text
    assert "files in its own folder (1)\n  u/own  5 B" in text
    assert "files elsewhere, which other checkpoints may share (1)\n  s/shared  6 B" in text
    unreadable = RestorePoint("u", 0, "its metadata is cut or damaged", None, None, None, None)
    assert list(details(unreadable, {})) == ["u: unreadable, its metadata is cut or damaged"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_600, "1 MB"), (10**16, "1e+04 TB")],
)
def test_sizes_are_short(count: int | None, text: str) -> None:
    assert size(count) == text


def test_help_says_what_complete_means() -> None:
    said = CliRunner().invoke(command, ["--help"]).output
    assert "each file that it refers to is there with the length" in " ".join(said.split())
    assert all(verb in said for verb in ("list", "show", "verify", "protect"))


def test_a_file_that_is_missing_is_told_from_what_the_jvm_says() -> None:
    told = {
        "uri": "u", "modified_ms": 5, "complete": False, "problem": "f is not there", "checkpoint_id": 3,
        "kind": "full checkpoint", "bytes": 1, "files": 1,
        "missing": [{"uri": "u/f", "reason": "is not there"}],
    }  # fmt: skip
    found = RestorePoint.of(told)
    assert found.missing == (MissingFile("u/f", "is not there"),)
    assert not found.is_complete
