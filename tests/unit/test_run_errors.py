"""What `anabranch run` says when it cannot: one screen, the place, the next step, and no secret."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from anabranch.cli.run import command
from anabranch.errors import AnabranchError

if TYPE_CHECKING:
    from tests.conftest import WriteCountingJob

SECRET = "correct-horse-battery"


@dataclass
class Folder:
    """A job, its topology document, and `anabranch run` on them."""

    path: Path
    output: str = ""

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def damage(self, text: str, damaged: str) -> None:
        """Puts something else in a place of the job."""
        job = (self.path / "job.py").read_text()
        assert text in job
        self.write("job.py", job.replace(text, damaged))

    def topology(
        self, bootstrap: str, *, streams: tuple[str, ...] = ("logs", "counts", "dead-letters")
    ) -> None:
        """A document of one primary that wants a password."""
        auth = {"type": "plain", "username": "me", "password": "env:TEST_SECRET", "tls": False}
        primaries = {"a": {"bootstrap": [bootstrap], "auth": auth}}
        group = {"primaries": primaries, "streams": {name: {"partitions": 2} for name in streams}}
        self.write("topology.yaml", yaml.safe_dump({"generation": 1, "groups": {"test": group}}))

    def run(self, *options: str) -> AnabranchError:
        """The error with which it ends, after looking at how it reads."""
        result = CliRunner().invoke(command, [str(self.path), *options])
        self.output = result.output
        assert isinstance(result.exception, AnabranchError), result.output
        text = str(result.exception)
        assert len(text.splitlines()) <= 12, text
        assert all(len(line) < 400 for line in text.splitlines()), text
        assert "next: " in text
        assert SECRET not in text + result.output
        return result.exception


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_counting_job: WriteCountingJob) -> Folder:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TEST_SECRET", SECRET)
    made = Folder(tmp_path / "watch")
    made.path.mkdir()
    write_counting_job(made.path, "logs", "counts")
    made.write("job.yaml", "topology: topology.yaml\n")
    return made


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address at which nobody listens while the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


def test_no_java(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(folder.path))
    error = folder.run()
    assert error.message == "no Java on PATH, and JAVA_HOME is not set"
    assert "JDK 17" in str(error.hint)
    monkeypatch.setenv("JAVA_HOME", str(folder.path))
    assert folder.run().message == f"no Java in {folder.path}/bin (JAVA_HOME)"


def test_wrong_path_of_the_topology(folder: Folder) -> None:
    error = folder.run()
    assert "topology.yaml" in str(error)
    assert "no topology" in error.message


def test_no_topology_at_all(folder: Folder) -> None:
    folder.write("job.yaml", "parallelism: 1\n")
    error = folder.run()
    assert "no topology is given" in error.message
    assert "--topology" in str(error.hint)
    assert folder.output == "", "nothing has started"


def test_job_that_writes_nothing(folder: Folder) -> None:
    folder.topology("127.0.0.1:1")
    folder.damage('.write("counts", key="run")', "")
    assert folder.run("--no-check").message == "job count-runs writes nothing"
    assert folder.output == "", "nothing has started"


def test_stream_that_the_topology_does_not_know(folder: Folder, closed_port: str) -> None:
    folder.topology(closed_port, streams=("log", "counts", "dead-letters"))
    error = folder.run()
    assert error.message == "the topology has no stream 'logs'"
    assert str(error.where).endswith("job.py:9")
    assert "did you mean log?" in str(error.hint)


def test_no_broker_answers(folder: Folder, closed_port: str) -> None:
    folder.topology(closed_port)
    error = folder.run()
    assert error.message.startswith("no primary of group test answers: a (")
    assert "--no-check" in str(error.hint)
    assert error.retryable


def test_error_in_the_description(folder: Folder) -> None:
    folder.damage('Job("count-runs")', "Job(1 / 0)")
    error = folder.run()
    assert str(error).startswith(str(error.where))
    assert str(error.where).endswith("job.py:8")
    assert "ZeroDivisionError: division by zero" in error.message
    trace = Path(error.message.partition("full trace: ")[2])
    assert "1 / 0" in trace.read_text()


def test_description_that_is_no_python(folder: Folder) -> None:
    folder.damage("@dataclass(frozen=True)", "@dataclass(frozen=True")
    error = folder.run()
    assert str(error.where).endswith("job.py:4")
    assert "SyntaxError: '(' was never closed" in error.message


def test_no_flink_at_that_address(folder: Folder, closed_port: str) -> None:
    error = folder.run("--cluster", closed_port)
    assert error.message.startswith("Flink does not answer: ")
    assert "Connection refused" in error.message
    assert error.where == f"--cluster {closed_port}"
    assert "anabranch dev status" in str(error.hint)


def test_address_without_a_port(folder: Folder) -> None:
    error = folder.run("--cluster", "localhost")
    assert str(error).startswith("--cluster: 'localhost' is no host:port")


def test_address_as_dev_up_shows_it(folder: Folder, closed_port: str) -> None:
    error = folder.run("--cluster", f"http://{closed_port}/")
    assert error.where == f"--cluster {closed_port}"


def test_flag_is_named_as_it_is_spelt_and_once(folder: Folder) -> None:
    result = CliRunner().invoke(command, [str(folder.path), "--checkpoint-interval", "-1"])
    assert str(result.exception) == (
        "--checkpoint-interval: input should be greater than or equal to 0.01, not -1.0\n"
        "  next: correct it; `anabranch run --schema` prints what each setting takes"
    )


@pytest.mark.parametrize("given", ["inf", "nan", "0.0004", "0.009"])
def test_an_interval_that_flink_does_not_take_is_told_by_its_flag(folder: Folder, given: str) -> None:
    result = CliRunner().invoke(command, [str(folder.path), "--checkpoint-interval", given])
    assert isinstance(result.exception, AnabranchError)
    assert str(result.exception).startswith("--checkpoint-interval: input should be ")


def test_checkpoint_that_is_not_there(folder: Folder) -> None:
    folder.topology("127.0.0.1:1")
    error = folder.run("--no-check", "--restore", str(folder.path / "chk-7"))
    assert error.message == "there is no checkpoint or savepoint"
    assert folder.output == "", "nothing has started"
    assert error.where == str(folder.path / "chk-7")


def test_secret_of_flinks_options_is_not_shown(folder: Folder) -> None:
    result = CliRunner().invoke(
        command, [str(folder.path), "--show-config", "--set", f"s3.secret-key={SECRET}", "--set", "a.b=shown"]
    )
    assert "flink.s3.secret-key" in result.output
    assert SECRET not in result.output
    assert "shown" in result.output


def test_the_folder_of_checkpoints_is_shown_though_nobody_chose_it(folder: Folder, tmp_path: Path) -> None:
    def shown(*options: str) -> dict[str, tuple[str, str]]:
        result = CliRunner().invoke(command, [str(folder.path), "--show-config", "--json", *options])
        return {row["setting"]: (row["value"], row["source"]) for row in json.loads(result.output)}

    used = (tmp_path / "state" / "anabranch" / "jobs" / "count-runs" / "checkpoints").as_uri()
    assert shown()["checkpoints.dir"] == (used, "default")
    assert shown("--checkpoint-dir", "s3://b/c")["checkpoints.dir"] == ("s3://b/c", "--checkpoint-dir")
    flink = shown("--set", "execution.checkpointing.dir=s3://b/d")
    assert flink["checkpoints.dir"][0] == "", "Flink's own option wins, and has a row"
    folder.write("job.py", "import nothing_of_this_name")
    assert shown()["checkpoints.dir"] == ("a folder of this user", "default")
