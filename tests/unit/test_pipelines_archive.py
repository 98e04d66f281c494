"""Describing an archive: where it comes from and goes to, and what is told at the user's own line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest

from anabranch.connectors.flink.session import FlinkSession
from anabranch.errors import ConfigurationError
from anabranch.pipelines import Job
from anabranch.pipelines.archive import Archive
from anabranch.pipelines.bindings import Archiving, StreamBinding
from anabranch.pipelines.build import Builder
from anabranch.pipelines.context import RunContext, running_in
from anabranch.pipelines.inputs import check_inputs
from anabranch.pipelines.preflight import check_archive
from anabranch.pipelines.settings import Settings

HERE = "test_pipelines_archive.py:"


@pytest.fixture
def job() -> Iterator[Job]:
    with running_in(RunContext(Settings(topology="/t.yaml"))):
        yield Job("keep")


def archiving(job: Job, **settings: object) -> Archiving:
    (archive,) = job.archives
    return StreamBinding("keep", Settings(topology="/t.yaml", **settings)).archive(archive)


class Sessions:
    """Stands for Flink's; notes what is archived."""

    def __init__(self) -> None:
        self.archived: list[tuple[str, str]] = []

    def archive(self, options: Mapping[str, str], place: str) -> None:
        self.archived.append((options["stream"], place))


def built(job: Job, binding: StreamBinding, tmp_path: Path) -> Sessions:
    sessions = Sessions()
    builder = Builder(job, lambda: cast("FlinkSession", sessions), binding, tmp_path)
    builder.check_complete()
    builder.insert_all()
    return sessions


def test_a_stream_is_read_from_everywhere_and_nothing_of_it_is_dropped(job: Job) -> None:
    job.archive("logs", "abfss://box@account.dfs.core.windows.net/kept")
    told = archiving(job)
    assert told.options == {
        "topology": "/t.yaml", "stream": "logs", "group-id": "keep", "scan.startup.mode": "earliest",
        "dedup": "false",
    }  # fmt: skip
    assert told.place == "abfss://box@account.dfs.core.windows.net/kept"


def test_what_is_asked_for_and_what_is_set_reach_the_source(job: Job) -> None:
    job.archive("logs", "/kept", dedup=True, options={"dedup.horizon": "9 d", "out-of-range": "fail"})
    inputs = {"out-of-range": "park", "scan.startup.primary.b": "latest", "json.ignore-parse-errors": "true"}
    told = archiving(job, inputs=inputs, bounded=True, start="latest").options
    assert told["dedup"] == "true"
    assert told["dedup.horizon"] == "9 d"
    assert told["out-of-range"] == "park", "settings win"
    assert told["scan.startup.primary.b"] == "latest"
    assert told["scan.startup.mode"] == "latest"
    assert told["scan.bounded.mode"] == "latest"
    assert "json.ignore-parse-errors" not in told, "a source decodes nothing, and would refuse it"


def test_the_place_is_that_of_the_call_or_of_the_settings(job: Job, tmp_path: Path) -> None:
    job.archive("logs")
    assert archiving(job, archive="s3://bucket/kept").place == "s3://bucket/kept"
    assert archiving(job, archive=str(tmp_path)).place == f"file://{tmp_path.resolve()}"
    assert archiving(job, archive="kept").place == f"file://{Path('kept').resolve()}", "tasks run elsewhere"
    job.archives[0] = Archive("logs", "/mine", "job.py:1")
    assert archiving(job, archive="s3://bucket/kept").place == "file:///mine"


def test_without_a_place_it_is_told_before_flink_starts(job: Job, tmp_path: Path) -> None:
    job.archive("logs")
    binding = StreamBinding("keep", Settings(topology="/t.yaml"))
    builder = Builder(job, lambda: pytest.fail("Flink was started"), binding, tmp_path)
    with pytest.raises(ConfigurationError, match="no place is given for the archive of logs") as raised:
        builder.check_complete()
    assert HERE in str(raised.value.where)
    assert "ANABRANCH_ARCHIVE" in str(raised.value.hint)


def test_a_job_may_do_nothing_but_archive(job: Job, tmp_path: Path) -> None:
    job.archive("logs", "/kept")
    job.archive("scores", "/kept")
    sessions = built(job, StreamBinding("keep", Settings(topology="/t.yaml")), tmp_path)
    assert sessions.archived == [("logs", "file:///kept"), ("scores", "file:///kept")]


def test_a_stream_is_archived_once(job: Job) -> None:
    job.archive("logs", "/kept")
    with pytest.raises(ConfigurationError, match="logs is archived twice") as raised:
        job.archive("logs", "/other")
    assert HERE in str(raised.value.where)


def test_its_streams_are_looked_for_before_flink_starts(job: Job) -> None:
    job.archive("logs", "/kept")
    (use,) = StreamBinding("keep", Settings(topology="/t.yaml")).uses(job.reads, job.writes, job.archives)
    assert (use.topology, use.stream) == ("/t.yaml", "logs"), "and no dead letters"
    assert HERE in use.where


def test_a_folder_that_cannot_be_written_is_told_before_flink_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"no archive can be written to .*/file/kept") as raised:
        check_archive(f"file://{tmp_path}/file/kept", "job.py:5")
    assert raised.value.where == "job.py:5"
    check_archive(f"file://{tmp_path}/kept", "job.py:5")
    assert list((tmp_path / "kept").iterdir()) == []
    check_archive("abfss://box@account.dfs.core.windows.net/kept", "job.py:5")


@pytest.mark.parametrize(
    ("options", "said"),
    [({"dedup.horizn": "9 d"}, "no option 'dedup.horizn'"),
     ({"json.ignore-parse-errors": "true"}, "no option 'json.ignore-parse-errors'"),
     ({"out-of-range": "explode"}, "out-of-range is none of"),
     ({"watermark.delay": "1 s"}, "have no watermark")],
)  # fmt: skip
def test_options_that_there_are_not_are_told_at_its_line(
    job: Job, options: dict[str, str], said: str
) -> None:
    job.archive("logs", "/kept", options=options)
    with pytest.raises(ConfigurationError, match=said) as raised:
        check_inputs(job.reads, {}, {}, job.archives)
    assert HERE in str(raised.value.where)
