"""What a loop is asked for, what it writes, and whose files it touches."""

from __future__ import annotations

import errno
import json
import shlex
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from anabranch.cli import dev
from anabranch.cli.dev_table import next_lines
from anabranch.devkit import guardian, process, service
from anabranch.devkit.brokers import BrokerSpec, new_cluster_id
from anabranch.devkit.document import add_stream, write_document
from anabranch.devkit.flink_config import FlinkSpec, session_config, task_manager_jvm
from anabranch.devkit.loop import DEMO_STREAMS, CloudSpec, Loop, LoopSpec
from anabranch.devkit.service import Service
from anabranch.devkit.state import exclusive, loops_home, read_json, write_json
from anabranch.devkit.status import status_of
from anabranch.errors import ConfigurationError, EnvironmentMissingError, UnavailableError
from anabranch.topology import load_topology


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def loop_on_disk(mark: str, phase: str = "detached", flink: FlinkSpec | None = None) -> Path:
    """A loop as its files tell of it, without processes."""
    folder = loops_home() / "paper"
    spec = asdict(LoopSpec(name="paper", flink=flink))
    state = {"phase": phase, "mark": mark, "spec": spec, "owner": asdict(process.self_ref())}
    write_json(folder / "loop.json", state)
    return folder


def test_spec_comes_back_from_its_file() -> None:
    loop = Loop(loop_on_disk("m", flink=FlinkSpec(slots=2)))
    assert loop.spec == LoopSpec(name="paper", flink=FlinkSpec(slots=2))
    assert [service.name for service in loop.brokers] == ["a", "b"]


def test_lines_to_paste_show_a_record_that_jobs_can_read() -> None:
    [_, produce, tail, *_] = next_lines(Loop(loop_on_disk("m")))
    assert json.loads(produce.split("'")[1]) == {"run": "r1", "time_ms": 1}
    assert tail.endswith("tail training-logs --from earliest")


def test_lines_to_paste_mean_to_a_shell_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "it's $HOME; a #b"))
    loop = Loop(loop_on_disk("m"))
    [export, *_] = next_lines(loop)
    assert shlex.split(export, comments=True) == ["export", f"ANABRANCH_TOPOLOGY={loop.topology_path}"]


def test_lines_to_paste_tell_how_jobs_run_on_the_loops_flink(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(loop_on_disk("m", flink=FlinkSpec()))
    monkeypatch.setattr(Loop, "flink", SimpleNamespace(url="http://127.0.0.1:25417"))
    assert "  anabranch run JOB --cluster 127.0.0.1:25417" in next_lines(loop)


def test_down_leaves_a_newer_loop_of_the_same_name_alone() -> None:
    old = Loop(loop_on_disk("old"))
    folder = loop_on_disk("new")
    old.down()
    assert read_json(folder / "loop.json")["phase"] == "detached"
    Loop.find("paper").down()
    assert not folder.exists()
    old.down()  # harmless on one that is gone
    assert not folder.exists()


def test_loop_that_is_down_is_not_found_and_others_are_named() -> None:
    folder = loop_on_disk("m", phase="down")
    with pytest.raises(ConfigurationError, match=r"no loop 'paper' \(there are: none\)"):
        Loop.find("paper")
    folder.rename(folder.with_name("other"))
    write_json(
        loops_home() / "other" / "loop.json",
        {**read_json(loops_home() / "other" / "loop.json"), "phase": "detached"},
    )
    with pytest.raises(ConfigurationError, match=r"there are: other\)"):
        Loop.find("paper")


def down(*arguments: str) -> str:
    result = CliRunner().invoke(dev.command, ["down", *arguments], catch_exceptions=False)
    return result.output


@pytest.mark.parametrize("arguments", [["--name", "paper"], ["--all"]])
def test_down_removes_what_a_loop_left_that_was_killed(arguments: list[str]) -> None:
    folder = loop_on_disk("m", phase="down")  # as the guardian leaves it
    (folder / "brokers").mkdir()
    assert "nothing to end" in down("--name", "other")
    assert "nothing to end" in down(*arguments, "--keep-files")
    assert folder.exists()
    assert down(*arguments) == "loop 'paper' had ended; the files that it left are gone\n"
    assert list(loops_home().iterdir()) == []
    assert "nothing to end" in down(*arguments)


def test_down_removes_a_folder_that_a_start_had_only_made() -> None:
    (loops_home() / "paper").mkdir(parents=True)
    down("--all")
    assert not (loops_home() / "paper").exists()


def test_files_that_were_kept_go_only_by_name() -> None:
    folder = loop_on_disk("m")
    assert "its files are in" in down("--all", "--keep-files")
    assert "nothing to end" in down("--all")
    assert folder.exists()
    down("--name", "paper")
    assert not folder.exists()


@pytest.mark.parametrize(("loop", "option"), [("paper", " --name paper"), ("default", "")])
def test_how_a_dead_service_is_started_again_is_told_of_its_own_loop(loop: str, option: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Service("a", loops_home() / loop / "brokers" / "a", "mark").resume()
    assert caught.value.hint == f"anabranch dev restart a{option}"


def test_down_leaves_alone_what_is_started_anew_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = loop_on_disk("new")
    with pytest.raises(ConfigurationError, match="exists"):
        Loop.clear("paper")  # its files had been those of one that ended, a moment ago
    assert read_json(folder / "loop.json")["phase"] == "detached"
    write_json(folder / "loop.json", {**read_json(folder / "loop.json"), "phase": "down"})
    monkeypatch.setattr("anabranch.devkit.loop._DOWN_WAIT_S", 0.1)
    starting = exclusive(loops_home() / ".paper.lock", timeout_s=0, what="", stays=False)
    with starting, pytest.raises(UnavailableError, match="another command"):
        Loop.clear("paper")
    assert folder.exists()


def test_up_refuses_a_loop_that_exists_with_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anabranch.devkit.loop.kafka_jars", lambda tell: None)
    loop_on_disk("m")
    with pytest.raises(ConfigurationError, match="exists, and nothing of it runs") as caught:
        Loop.up(LoopSpec(name="paper"))
    assert "dev restart --name paper a b starts" in str(caught.value.hint)


@pytest.mark.parametrize("java", [True, False])
def test_up_says_that_it_starts_only_where_it_does(monkeypatch: pytest.MonkeyPatch, java: bool) -> None:
    loop_on_disk("m")
    if not java:
        monkeypatch.setenv("JAVA_HOME", "/nowhere")
    result = CliRunner().invoke(dev.command, ["up", "--name", "paper" if java else "another"])
    assert isinstance(result.exception, ConfigurationError if java else EnvironmentMissingError)
    assert "starting" not in result.output


def test_status_says_where_the_document_is() -> None:
    for broker in Loop(loop_on_disk("m")).brokers:
        broker.save_spec(BrokerSpec(broker.name, 1, 2, new_cluster_id()))
    result = CliRunner().invoke(dev.command, ["status", "--name", "paper"], catch_exceptions=False)
    assert f"topology: {loops_home() / 'paper' / 'topology.yaml'}\n" in result.output


def test_status_shows_notes_as_they_are() -> None:
    for broker in Loop(loop_on_disk("m")).brokers:
        broker.save_spec(BrokerSpec(broker.name, 1, 2, new_cluster_id()))
        process.kill(broker.spawn(["true"]))
        broker.note_death("[red] is no [/colour]")
    result = CliRunner().invoke(dev.command, ["status", "--name", "paper"], catch_exceptions=False)
    assert "[red] is no [/colour]" in result.output


@pytest.mark.parametrize("stream", ["x", ":1", "x:0", "x:\u00b2", "x:\u0663", "x:" + "9" * 5000, "x:-1"])
def test_a_stream_is_a_name_and_a_number(monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    monkeypatch.setattr(Loop, "up", lambda *_, **__: pytest.fail("a loop was started"))
    error = CliRunner().invoke(dev.command, ["up", "--name", "paper", "--stream", stream]).exception
    assert isinstance(error, ConfigurationError)
    assert "is no stream" in error.message


@pytest.mark.parametrize(
    ("streams", "said"),
    [
        (["foo bar:3"], "'foo bar' is no name of a stream"),
        (["..:1"], "'..' is no name of a stream"),
        (["x:200000"], "is no stream"),
        (["x:1", "y:1", "x:2"], "stream x is given twice"),
    ],
)
def test_a_stream_that_kafka_would_not_take_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, streams: list[str], said: str
) -> None:
    monkeypatch.setattr(Loop, "up", lambda *_, **__: pytest.fail("a loop was started"))
    named = [f"--stream={stream}" for stream in streams]
    error = CliRunner().invoke(dev.command, ["up", "--name", "paper", *named]).exception
    assert isinstance(error, ConfigurationError)
    assert said in error.message


def test_a_process_that_cannot_be_noted_down_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mark = "unnoted-" + tmp_path.name

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(service, "write_json", full)
    with pytest.raises(OSError, match="No space left"):
        Service("one", tmp_path, mark).spawn(["sleep", "60"])
    assert process.marked(mark) == []


def test_a_dead_services_note_is_what_went_wrong_and_not_a_line_of_a_stack() -> None:
    loop = Loop(loop_on_disk("m"))
    for broker in loop.brokers:
        broker.save_spec(BrokerSpec(broker.name, 1, 2, new_cluster_id()))
        process.kill(broker.spawn(["true"]))
        stack = "\tat org.apache.kafka.storage.Log\n" * 30
        broker.log_path.write_text("java.io.IOException: No space left on device\n" + stack)
    notes = [each["note"] for each in status_of(loop)["services"]]
    assert set(notes) == {"java.io.IOException: No space left on device"}


@pytest.mark.parametrize(
    ("named", "streams"),
    [
        ([], DEMO_STREAMS),
        (["logs:3"], {"logs": 3, "dead-letters": 4}),
        (["dead-letters:1", "logs:3"], {"dead-letters": 1, "logs": 3}),
    ],
)
def test_dead_letters_stay_beside_the_streams_that_are_named(
    monkeypatch: pytest.MonkeyPatch, named: list[str], streams: dict[str, int]
) -> None:
    specs: list[LoopSpec] = []

    def up(spec: LoopSpec, **_: object) -> None:
        specs.append(spec)
        raise ConfigurationError("it is not shown")

    monkeypatch.setattr(Loop, "up", up)
    monkeypatch.setattr(Loop, "check_startable", lambda name: None)
    options = [option for stream in named for option in ("--stream", stream)]
    CliRunner().invoke(dev.command, ["up", *options])
    assert specs[0].streams == streams, "a job writes to dead-letters unless it is told otherwise"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", "null", '{"mark": "m", "phase": "detached"}', "\x00" * 40]
)
def test_one_damaged_loop_leaves_the_others_alone(text: str) -> None:
    good = loop_on_disk("good")
    bad = loops_home() / "bad"
    service = Service("a", bad / "brokers" / "a", "bad-mark")
    (bad / "brokers" / "a").mkdir(parents=True)
    ref = service.spawn(["sleep", "600"])
    other = process.start(["sleep", "600"], log=bad / "log", cwd=bad, mark="bad-mark")
    (loops_home() / "worse" / "brokers" / "a").mkdir(parents=True)
    for path in (
        bad / "loop.json",
        loops_home() / "worse" / "loop.json",
        loops_home() / "worse" / "brokers" / "a" / "a.pid.json",
    ):
        path.write_text(text)
    assert Loop.names() == ["paper"]
    assert guardian._phase(bad, "bad-mark") != "detached"
    Loop.clear_ended("*")
    assert process.alive(ref), "nobody asked for its end"
    with pytest.raises(ConfigurationError, match=r"no loop 'other' \(there are: paper\)"):
        Loop.find("other")
    for ask in (lambda: Loop.find("bad"), lambda: Loop.check_startable("bad")):
        with pytest.raises(ConfigurationError, match="damaged") as caught:
            ask()
        assert caught.value.hint == "anabranch dev down --name bad ends what is left of it"
    assert down("--name", "bad") == "loop 'bad' had ended; the files that it left are gone\n"
    assert not process.alive(ref)
    assert not process.alive(other)
    assert down("--name", "worse") == "loop 'worse' had ended; the files that it left are gone\n"
    assert list(loops_home().iterdir()) == [good]


@pytest.mark.parametrize(
    "changed",
    [
        {"spec": {**asdict(LoopSpec()), "of_another_version": 1}},
        {"spec": {}},
        {"spec": 3},
        {"spec": {**asdict(LoopSpec()), "flink": {"of_another_version": 1}}},
        {"spec": {**asdict(LoopSpec()), "primaries": 0}},
        {"spec": {**asdict(LoopSpec()), "streams": [1]}},
        {"spec": {**asdict(LoopSpec()), "secure": "kerberos"}},
        {"phase": 3},
        {"owner": {"pid": "a", "start_ticks": 1}},
        {"owner": {}},
        {"owner": None},
    ],
)
def test_a_loop_of_another_shape_is_ended_by_its_mark(changed: dict[str, object]) -> None:
    folder = loop_on_disk("foreign")
    write_json(folder / "loop.json", {**read_json(folder / "loop.json"), **changed})
    ref = process.start(["sleep", "600"], log=folder / "log", cwd=folder, mark="foreign")
    for arguments in (["status"], ["kill", "a"]):
        error = CliRunner().invoke(dev.command, [*arguments, "--name", "paper"]).exception
        assert isinstance(error, ConfigurationError)
        assert error.hint == "anabranch dev down --name paper ends what is left of it"
    assert "paper" in down("--all")
    assert not process.alive(ref)
    assert not folder.exists()


def test_files_that_another_version_kept_go_only_by_name() -> None:
    folder = loop_on_disk("foreign", phase="down")
    write_json(folder / "loop.json", {**read_json(folder / "loop.json"), "kept": True, "spec": {}})
    assert "nothing to end" in down("--all")
    assert folder.exists()
    down("--name", "paper")
    assert not folder.exists()


@pytest.mark.parametrize("name", ["", "UPPER", "../escape", "a b"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no name for a loop"):
        LoopSpec(name=name)


@pytest.mark.parametrize("primaries", [0, 27])
def test_number_of_primaries_is_bounded(primaries: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 26"):
        LoopSpec(primaries=primaries)


@pytest.mark.parametrize(("primaries", "copies"), [(2, 3), (1, 2), (2, 0)])
def test_copies_need_as_many_primaries(primaries: int, copies: int) -> None:
    with pytest.raises(ConfigurationError, match=f"{copies} copies on {primaries} primaries"):
        LoopSpec(primaries=primaries, copies=copies)


def test_document_is_valid_and_grows(tmp_path: Path) -> None:
    path, spec = tmp_path / "topology.yaml", LoopSpec(streams={"logs": 8}, copies=2)
    auth = {"type": "mtls", "certificate": "file:/c", "key": "file:/k", "ca": "file:/ca"}
    write_document(path, spec, {"a": "127.0.0.1:1", "b": "127.0.0.1:2"}, auth)
    first = load_topology(str(path))
    assert first.generation == 1
    assert first.group_of("logs").primaries["b"].bootstrap == ("127.0.0.1:2",)
    assert first.group_of("logs").primaries["b"].auth.type == "mtls"
    assert (
        first.group_of("logs").streams["logs"].partitions,
        first.group_of("logs").streams["logs"].copies,
    ) == (8, 2)
    assert "&id" not in path.read_text(), "no anchors"
    add_stream(path, spec, {"more": 3})
    second = load_topology(str(path))
    assert second.generation == 2
    assert second.group_of("more").streams["more"].partitions == 3


def test_cluster_ids_are_kafkas_and_no_option() -> None:
    ids = {new_cluster_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert {len(each) for each in ids} == {22}
    assert not any(each.startswith("-") for each in ids)


@pytest.mark.parametrize("slots", [1, 4])
def test_jvm_flags_agree_with_flinks_sizes(tmp_path: Path, slots: int) -> None:
    import yaml

    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("env: {java: {opts: {all: --add-opens=a/b=ALL-UNNAMED}}}")
    spec = FlinkSpec(slots=slots, options={"parallelism.default": "9"})
    sizes = yaml.safe_load(session_config(spec, tmp_path, 1, 2))
    flags = task_manager_jvm(spec, tmp_path)

    def megabytes(*keys: str) -> int:
        return sum(int(sizes[f"taskmanager.memory.{key}"].removesuffix("m")) for key in keys)

    assert f"-Xmx{megabytes('framework.heap.size', 'task.heap.size')}m" in flags
    direct = megabytes("framework.off-heap.size", "task.off-heap.size", "network.max")
    assert f"-XX:MaxDirectMemorySize={direct}m" in flags
    assert "--add-opens=a/b=ALL-UNNAMED" in flags
    assert sizes["parallelism.default"] == "9", "what the user gives wins"


def test_flink_stays_in_its_folder_whatever_the_path(tmp_path: Path) -> None:
    import yaml

    folder = tmp_path / "a,b é:c %20d #x"
    options = yaml.safe_load(session_config(FlinkSpec(), folder, 1, 2))
    assert options["io.tmp.dirs"] == "tmp", "a list in which nothing can be escaped"
    assert options["execution.checkpointing.dir"] == f"file://{folder}/checkpoints", "no escapes"
    assert options["execution.checkpointing.savepoint-dir"] == f"file://{folder}/savepoints"


@pytest.mark.parametrize(("task_managers", "slots"), [(0, 1), (1, 0)])
def test_flink_without_slots_is_refused(task_managers: int, slots: int) -> None:
    with pytest.raises(ConfigurationError, match="no job can run"):
        FlinkSpec(task_managers, slots)


def test_lines_to_paste_tell_how_blob_storage_is_read() -> None:
    loop = Loop(loop_on_disk("m"))
    assert not any("environment.sh" in line for line in next_lines(loop))
    loop.spec = LoopSpec(name="paper", cloud=CloudSpec())
    assert f"  . {loop.folder / 'cloud' / 'environment.sh'}" in next_lines(loop)
