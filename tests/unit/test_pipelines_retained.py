"""What ``--restore`` means: a path, a URI, or the newest checkpoint of this very job."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch.connectors.flink.restore_points import MissingFile, RestorePoint
from anabranch.errors import ConfigurationError, UnavailableError
from anabranch.pipelines import Job
from anabranch.pipelines.context import RunContext, running_in
from anabranch.pipelines.job_file import file_layer
from anabranch.pipelines.layers import resolve
from anabranch.pipelines.retained import (
    check_complete,
    check_ends,
    fallen_back,
    newest_of_run,
    remember_run,
    restore_uri,
)
from anabranch.pipelines.settings import Settings


def _checkpoint(run: Path, number: int, *, complete: bool = True) -> Path:
    path = run / f"chk-{number}"
    path.mkdir(parents=True)
    if complete:
        (path / "_metadata").write_bytes(b"")
    return path


def test_latest_is_the_newest_complete_checkpoint_of_this_job_alone(tmp_path: Path) -> None:
    shared, folder = tmp_path / "shared:a %20é", tmp_path / "job"
    for number in (9, 10):
        _checkpoint(shared / "run1", number)
    _checkpoint(shared / "run1", 11, complete=False)
    _checkpoint(shared / "of-another-job", 99)
    for run in ("run0", "run1"):
        remember_run(folder, run, f"file://{shared}")
    assert restore_uri("latest", folder, None) == f"file://{shared}/run1/chk-10"
    remember_run(folder, "run2", f"file://{shared}")
    assert restore_uri("latest", folder, None).endswith("run1/chk-10"), "the last run came to none"


def test_a_copy_beside_the_checkpoints_is_none_of_them(tmp_path: Path) -> None:
    newest = _checkpoint(tmp_path / "run1", 3)
    for name in ("chk-3.bak", "chk-", "chk-²"):
        newest.with_name(name).mkdir()
        (newest.with_name(name) / "_metadata").touch()
    remember_run(tmp_path, "run1", tmp_path.as_uri())
    assert restore_uri("latest", tmp_path, None) == newest.as_uri()
    assert newest_of_run(tmp_path.as_uri(), "run1") == newest.as_uri()


def test_latest_of_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has not run yet"):
        restore_uri("latest", tmp_path, None)
    remember_run(tmp_path, "run1", tmp_path.as_uri())
    with pytest.raises(ConfigurationError, match="no checkpoint of this job is left"):
        restore_uri("latest", tmp_path, None)


def test_latest_in_blob_storage_asks_for_the_path(tmp_path: Path) -> None:
    remember_run(tmp_path, "run1", "abfs://c@a/checkpoints/")
    with pytest.raises(ConfigurationError, match="cannot be searched") as caught:
        restore_uri("latest", tmp_path, None)
    assert "--restore abfs://c@a/checkpoints/run1/chk-N" in str(caught.value.hint)


def test_a_path_becomes_a_uri_however_flink_wrote_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _checkpoint(tmp_path / "run:a b#%41", 3)
    monkeypatch.chdir(tmp_path)
    for given in ("run:a b#%41/chk-3", str(path), f"file://{path}", f"file:{path}"):
        assert restore_uri(given, tmp_path, None) == f"file://{path}"
    assert restore_uri("s3://b/chk-3", tmp_path, None) == "s3://b/chk-3"


@pytest.mark.parametrize("cluster", [None, "127.0.0.1:8081", "localhost:8081"])
def test_a_wrong_path_is_told_before_flink_starts(tmp_path: Path, cluster: str | None) -> None:
    with pytest.raises(ConfigurationError, match="there is no checkpoint or savepoint") as caught:
        restore_uri(str(tmp_path / "gone"), tmp_path, cluster)
    assert caught.value.where == str(tmp_path / "gone")
    assert "--restore latest" in str(caught.value.hint)


def test_the_folder_of_a_run_leads_to_its_newest(tmp_path: Path) -> None:
    _checkpoint(tmp_path / "run", 3)
    with pytest.raises(ConfigurationError) as caught:
        restore_uri(str(tmp_path), tmp_path, None)
    assert str(tmp_path / "run" / "chk-3") in str(caught.value.hint)
    _checkpoint(tmp_path / "other", 1, complete=False)
    with pytest.raises(ConfigurationError, match="no checkpoint") as caught:
        restore_uri(str(tmp_path / "other" / "chk-1"), tmp_path, None)
    assert "was it completed" in str(caught.value.hint)


def test_a_far_cluster_may_see_what_is_not_here(tmp_path: Path) -> None:
    assert restore_uri("/mnt/there/chk-1", tmp_path, "flink.example:8081") == "file:///mnt/there/chk-1"


def test_a_path_in_a_file_is_relative_to_it_and_latest_is_none(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("restore: state/chk-1\n")
    assert resolve([file_layer(path)]).settings.restore == str(tmp_path / "state" / "chk-1")
    path.write_text("restore: latest\n")
    assert resolve([file_layer(path)]).settings.restore == "latest"


@pytest.mark.parametrize("torn", [b'{"job_id": "run2", "chec', b"\x00\x00\xff", b"7"])
def test_a_line_that_was_half_written_is_left_out(tmp_path: Path, torn: bytes) -> None:
    for run in ("run1", "run3"):
        _checkpoint(tmp_path / run, 1)
    remember_run(tmp_path, "run1", tmp_path.as_uri())
    with (tmp_path / "runs.jsonl").open("ab") as file:
        file.write(torn)
    assert restore_uri("latest", tmp_path, None).endswith("run1/chk-1")
    remember_run(tmp_path, "run3", tmp_path.as_uri())
    assert restore_uri("latest", tmp_path, None).endswith("run3/chk-1")


def test_an_older_run_is_not_taken_without_a_warning(tmp_path: Path) -> None:
    taken = _checkpoint(tmp_path / "run1", 1).as_uri()
    remember_run(tmp_path, "run1", tmp_path.as_uri())
    assert fallen_back("latest", tmp_path, taken) is None
    remember_run(tmp_path, "run2", tmp_path.as_uri())
    warning = fallen_back("latest", tmp_path, restore_uri("latest", tmp_path, None))
    assert str(warning).startswith("warning: the newest run, run2, has no checkpoint left")
    assert fallen_back(taken, tmp_path, taken) is None, "it was asked for by its path"


def test_what_has_no_ends_is_not_restored_to_stop_at_them(tmp_path: Path) -> None:
    endless, ending = (_checkpoint(tmp_path / run, 1).as_uri() for run in ("endless", "ending"))
    remember_run(tmp_path, "endless", tmp_path.as_uri())
    remember_run(tmp_path, "ending", tmp_path.as_uri(), bounded=True)
    check_ends(ending, tmp_path)
    check_ends("file:///somewhere/savepoint-1", tmp_path)
    with pytest.raises(ConfigurationError, match="without --bounded") as caught:
        check_ends(endless, tmp_path)
    assert caught.value.where == endless


def test_a_note_of_an_older_version_tells_nothing_of_ends(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_text(f'{{"job_id": "old", "checkpoints": "{tmp_path.as_uri()}"}}\n')
    check_ends(f"{tmp_path.as_uri()}/old/chk-1", tmp_path)


@pytest.mark.parametrize("bounded", [True, False])
def test_a_bounded_run_asks_whether_its_checkpoint_ends(tmp_path: Path, bounded: bool) -> None:
    place = str(_checkpoint(tmp_path / "run1", 1))
    remember_run(tmp_path, "run1", tmp_path.as_uri())
    context = RunContext(Settings(topology="t.yaml", restore=place, bounded=bounded), folder=tmp_path)
    with running_in(context):
        job = Job("watch")
    if bounded:
        with pytest.raises(ConfigurationError, match="never stops"):
            context.restored(job)
    else:
        assert context.restored(job) == Path(place).as_uri()


_BLOB = "abfss://c@a.dfs.core.windows.net/checkpoints"
_NOT_COMPLETED = "no _metadata: it was not completed, or is being written"


def _point(run: str, number: int, problem: str | None = None, *missing: str) -> RestorePoint:
    kind = (
        None
        if problem == _NOT_COMPLETED or problem == "its metadata is cut or damaged"
        else "full checkpoint"
    )
    files = tuple(MissingFile(name, "is not there") for name in missing)
    return RestorePoint(f"{_BLOB}/{run}/chk-{number}", 1, problem, kind, number, 1, 1, files)


def _look_at(*points: RestorePoint) -> dict[str, list[RestorePoint]]:
    found: dict[str, list[RestorePoint]] = {}
    for point in points:
        found.setdefault(point.uri.rpartition("/")[0], []).append(point)
    return found


def test_latest_in_blob_storage_is_the_newest_that_is_complete(tmp_path: Path) -> None:
    for run in ("run1", "run2"):
        remember_run(tmp_path, run, f"{_BLOB}/")
    lacks = _point("run2", 12, "f is not there", "f")
    broken = _point("run2", 11, "its metadata is cut or damaged")
    begun = _point("run2", 13, _NOT_COMPLETED)
    found = _look_at(_point("run1", 40), _point("run2", 9), _point("run2", 10), broken, lacks, begun)
    said: list[str] = []
    assert restore_uri("latest", tmp_path, None, found.__getitem__, said.append) == f"{_BLOB}/run2/chk-10"
    assert said == [
        f"warning: {point.uri} is left out, since {point.problem}; "
        "what was read since the one before is read again"
        for point in (lacks, broken)
    ], "what a run leaves that ends in the midst of a checkpoint is no news"


def test_latest_falls_back_to_an_older_run_as_on_a_disk(tmp_path: Path) -> None:
    for run in ("run1", "run2"):
        remember_run(tmp_path, run, _BLOB)
    only_first = _look_at(_point("run1", 3))
    taken = restore_uri("latest", tmp_path, None, lambda place: only_first.get(place, []))
    assert taken == f"{_BLOB}/run1/chk-3"
    assert "has no checkpoint left" in str(fallen_back("latest", tmp_path, taken))
    with pytest.raises(ConfigurationError, match="no checkpoint of this job is left"):
        restore_uri("latest", tmp_path, None, lambda _: [_point("run2", 1, _NOT_COMPLETED)])


def test_latest_is_refused_where_storage_does_not_answer(tmp_path: Path) -> None:
    for run in ("run1", "run2"):
        remember_run(tmp_path, run, _BLOB)
    asked = []

    def silent(place: str) -> list[RestorePoint]:
        asked.append(place)
        raise UnavailableError("nobody answers", where=place)

    with pytest.raises(UnavailableError, match="cannot be searched from here: nobody answers") as caught:
        restore_uri("latest", tmp_path, None, silent)
    assert asked == [f"{_BLOB}/run2"], "an older run's would be the wrong one"
    assert f"--restore {_BLOB}/run2/chk-N" in str(caught.value.hint)


def test_a_checkpoint_that_lacks_a_file_is_refused() -> None:
    check_complete("given", _point("run", 1))
    with pytest.raises(ConfigurationError, match="no job can be restored from it: f is not there") as caught:
        check_complete("given", _point("run", 1, "f is not there", "f"))
    assert caught.value.where == "given"
