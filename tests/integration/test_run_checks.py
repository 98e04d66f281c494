"""What `anabranch run` asks the brokers before Flink starts; it does not start here."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from anabranch.cli.run import command
from anabranch.devkit.topics import create_topics
from anabranch.errors import ConfigurationError
from anabranch.pipelines.bindings import StreamBinding
from anabranch.pipelines.context import RunContext
from anabranch.pipelines.loader import load_job
from anabranch.pipelines.preflight import check_streams
from anabranch.pipelines.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import StreamHandle, WriteCountingJob

pytestmark = [pytest.mark.brokers, pytest.mark.usefixtures("home")]

JobFolder = Callable[[str], Path]


@pytest.fixture
def job_folder(stream: StreamHandle, tmp_path: Path, write_counting_job: WriteCountingJob) -> JobFolder:
    """Makes a job that writes a stream of that name, which the document knows with three partitions."""

    def make(target: str) -> Path:
        stream.document["groups"]["test"]["streams"][target] = {"topic": target, "partitions": 3}
        stream.publish()
        write_counting_job(tmp_path, stream.name, target)
        (tmp_path / "job.yaml").write_text(f"topology: {stream.topology}\ndead_letters: null\n")
        return tmp_path

    return make


def refused(folder: Path) -> ConfigurationError:
    result = CliRunner().invoke(command, [str(folder)])
    assert isinstance(result.exception, ConfigurationError), result.output
    assert str(result.exception.where).endswith("job.py:10")
    assert len(str(result.exception).splitlines()) == 2
    return result.exception


def test_topic_that_no_primary_has(stream: StreamHandle, job_folder: JobFolder) -> None:
    target = f"{stream.name}-out"
    error = refused(job_folder(target))
    assert error.message == f"no primary of group test has the topic '{target}'"
    assert "create it on a, b" in str(error.hint)
    assert f"--create --topic {target} --partitions 3" in str(error.hint)


def test_topic_that_one_primary_lacks(stream: StreamHandle, job_folder: JobFolder) -> None:
    target = f"{stream.name}-out"
    bootstrap = {broker.name: broker.bootstrap for broker in stream.loop.brokers}
    create_topics({"bootstrap.servers": bootstrap["a"]}, {target: 3})
    error = refused(job_folder(target))
    assert error.message == f"primary b has no topic '{target}'"
    assert "create it on b, as in" in str(error.hint)
    assert bootstrap["b"] in str(error.hint)


def test_primary_that_is_down_is_no_reason_not_to_start(
    stream: StreamHandle, tmp_path: Path, job_folder: JobFolder
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{held.getsockname()[1]}"
        stream.document["groups"]["test"]["primaries"]["c"] = {"bootstrap": [closed]}
        target = f"{stream.name}-out"
        for broker in stream.loop.brokers:
            create_topics({"bootstrap.servers": broker.bootstrap}, {target: 3})
        folder = job_folder(target)
        settings = Settings(topology=stream.topology, dead_letters=None)
        job = load_job(folder / "job.py", RunContext(settings), tmp_path)
        (note,) = check_streams(StreamBinding(job.name, settings).uses(job.reads, job.writes))
    assert note.startswith("primary c (")
    assert note.endswith("does not answer; the job reads it when it does")
